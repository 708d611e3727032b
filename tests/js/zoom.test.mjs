import assert from "node:assert/strict";
import test from "node:test";
import { zoomTo } from "../../static/js/zoom.js";

const drag = (from, to) => zoomTo({ from, to, zone: "UTC" }, "UTC");

test("a drag is asked for as it is, to whole seconds around it", () => {
  assert.deepEqual(drag("2026-03-01 12:00:00.4", "2026-03-01 12:05:00.4"), { from: "2026-03-01T12:00:00", to: "2026-03-01T12:05:01" });
  assert.deepEqual(drag("2026-03-01", "2026-03-02"), { from: "2026-03-01T00:00:00", to: "2026-03-02T00:00:00" });
});

test("one that is too short begins earlier, and ends where it ended", () => {
  assert.deepEqual(drag("2026-03-01 12:00:50", "2026-03-01 12:01:00"), { from: "2026-03-01T12:00:00", to: "2026-03-01T12:01:00" });
});

test("an axis on another clock than the chosen one is told with its offset", () => {
  const found = zoomTo({ from: "2026-03-01 12:00", to: "2026-03-01 13:00", zone: "UTC" }, "Europe/Berlin");
  assert.deepEqual(found, { from: "2026-03-01T12:00:00Z", to: "2026-03-01T13:00:00Z" });
});
