// Places a .menu[popover] beside its button, and moves through it with the arrow keys.

document.addEventListener(
  "toggle",
  (event) => {
    const menu = event.target;
    if (!(menu instanceof HTMLElement) || !menu.matches(".menu[popover]")) return;
    const button = document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);
    button?.setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState === "open" && button) place(menu, button);
  },
  true,
);

function place(menu, button) {
  const box = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const left = menu.dataset.menuAlign === "end" ? box.right - width : box.left;
  const below = box.bottom + height + 8 <= innerHeight || box.top < height + 8;
  menu.style.position = "fixed";
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
  menu.style.top = below ? `${box.bottom}px` : `${box.top - height - 8}px`;
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const menu = event.target.closest?.(".menu[popover]") ?? opened(event.target);
  if (!menu) return;
  const items = [...menu.querySelectorAll(".menu-item:not(:disabled)")];
  const step = event.key === "ArrowDown" ? 1 : -1;
  const index = items.indexOf(document.activeElement);
  items[(index + step + items.length) % items.length]?.focus();
  event.preventDefault();
});

function opened(target) {
  const id = target.getAttribute?.("popovertarget");
  const menu = id && document.getElementById(id);
  return menu && menu.matches(".menu:popover-open") ? menu : null;
}

// A menu follows its button, and goes when the button is out of sight.
function follow() {
  const menu = document.querySelector(".menu:popover-open");
  const button = menu && document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);
  if (!button) return;
  const { bottom, top } = button.getBoundingClientRect();
  if (bottom < 0 || top > innerHeight) menu.hidePopover();
  else place(menu, button);
}

addEventListener("scroll", follow, { passive: true, capture: true });
addEventListener("resize", follow, { passive: true });
