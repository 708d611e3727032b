// Files, folders and archives: drag and drop, progress, cancel, and what the server says of them.
import { element, icon } from "./icons.js";
import { mount } from "./mount.js";
import { collect, size } from "./dropped-files.js";

mount("[data-upload]", (root) => {
  const drop = root.querySelector("[data-upload-drop]");
  root.addEventListener("change", (event) => {
    if (!event.target.matches("[data-upload-input]") || !event.target.files.length) return;
    const files = [...event.target.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
    event.target.value = "";
    upload(root, files);
  });
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => hold(event, drop, true));
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, (event) => hold(event, drop, false));
  drop.addEventListener("drop", async (event) => {
    const files = await collect(event.dataTransfer);
    if (files.length) upload(root, files);
  });
});

function hold(event, drop, over) {
  event.preventDefault();
  drop.classList.toggle("over", over);
}

function upload(root, files) {
  const total = files.reduce((sum, { file }) => sum + file.size, 0);
  const row = rowFor(title(files), total);
  root.querySelector("[data-upload-list]").append(row.box);
  const limit = Number(root.dataset.uploadMax);
  if (limit && total > limit) return row.fail(`${size(total)} is more than the ${size(limit)} that are allowed.`);
  send(root, files, row);
}

function title(files) {
  const top = files[0].path.split("/")[0];
  return files.length === 1 ? files[0].path : `${top === files[0].path ? "" : `${top}/, `}${files.length} files`;
}

function form(root, files) {
  const data = new FormData();
  const name = root.querySelector("[data-upload-input]").name;
  for (const { path } of files) data.append("paths", path);
  for (const { file, path } of files) data.append(name, file, path.split("/").at(-1));
  for (const { name: field, value } of root.querySelectorAll("input[type='hidden']")) data.append(field, value);
  return data;
}

function send(root, files, row) {
  const request = new XMLHttpRequest();
  request.open("POST", root.dataset.uploadUrl);
  const headers = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
  for (const [header, value] of Object.entries(headers)) request.setRequestHeader(header, value);
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", ({ loaded, total }) => row.progress(loaded, total));
  request.addEventListener("load", () => answered(root, request, row));
  request.addEventListener("error", () => row.fail("The connection broke.", () => send(root, files, row)));
  request.addEventListener("abort", () => row.box.remove());
  row.start(() => request.abort());
  request.send(form(root, files));
}

function answered(root, request, row) {
  let answer = {};
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    // A proxy may answer with a page: the status says enough.
  }
  if (request.status >= 400) return row.fail(reason(answer) ?? `The server answered ${request.status}.`);
  row.finish(answer);
  root.dispatchEvent(new CustomEvent("upload:done", { bubbles: true, detail: answer }));
  if (answer.redirect) location.assign(answer.redirect);
}

function reason({ title, detail, errors }) {
  const fields = errors && Object.values(errors).flat().join(" ");
  return fields || detail || title || null;
}

function rowFor(name, total) {
  const note = element("span", "upload-note", size(total));
  const progress = element("progress", "");
  progress.max = 1;
  progress.setAttribute("aria-label", `Upload of ${name}`);
  const cancel = element("button", "button button-quiet button-s button-icon", icon("x"));
  cancel.type = "button";
  const box = element("div", "upload-item", element("span", "truncate", name), cancel, progress, note);
  let stop = () => box.remove();
  cancel.addEventListener("click", () => stop());
  const tone = (word) => (box.className = `upload-item tone-${word}`);

  return {
    box,
    start(abort) {
      stop = abort;
      tone("info");
      progress.value = 0;
      cancel.setAttribute("aria-label", `Cancel the upload of ${name}`);
    },
    progress(loaded, all) {
      progress.value = all ? loaded / all : 0;
      note.textContent = loaded < all ? `${size(loaded)} of ${size(all)}` : "Uploaded; being checked…";
    },
    finish({ sha256, message }) {
      tone("ok");
      progress.remove();
      stop = () => box.remove();
      cancel.setAttribute("aria-label", `Dismiss ${name}`);
      note.replaceChildren([size(total), message, sha256 && `sha-256 ${sha256}`].filter(Boolean).join(" · "));
    },
    fail(text, retry) {
      tone("bad");
      progress.remove();
      stop = () => box.remove();
      note.textContent = text;
      if (retry) note.append(" ", retryButton(() => { box.append(progress); retry(); }));
    },
  };
}

function retryButton(act) {
  const button = element("button", "button button-s", "Retry");
  button.type = "button";
  button.addEventListener("click", () => {
    button.remove();
    act();
  });
  return button;
}
