// node --test tests/js/
import assert from "node:assert/strict";
import test from "node:test";
import { size } from "../../static/js/dropped-files.js";
import { describe, elapsed } from "../../static/js/duration.js";
import { formatted, problemIn } from "../../static/js/json-text.js";

const now = new Date("2026-11-23T12:00:00Z");

test("moments", () => {
  assert.equal(describe(new Date("2026-11-23T11:57:00Z"), now), "3 min ago");
  assert.equal(describe(new Date("2026-11-23T11:59:30Z"), now), "just now");
  assert.equal(describe(new Date("2026-11-20T11:59:30Z"), now, "UTC"), "20 Nov, 11:59");
});

test("durations", () => {
  assert.equal(elapsed(3.04), "3.0 s");
  assert.equal(elapsed(125), "2 min 5 s");
  assert.equal(elapsed(7500), "2 h 5 min");
  assert.equal(elapsed(-1), "");
});

test("sizes", () => {
  assert.equal(size(0), "0 B");
  assert.equal(size(3_210_000), "3.2 MB");
});

test("what is wrong with a JSON text, and where", () => {
  assert.equal(problemIn('{"a": 1}'), null);
  assert.equal(problemIn("  "), null);
  assert.equal(problemIn('{"a": 1,}').position, 8);
  assert.equal(problemIn("[1, 2").position, 5);
  assert.equal(problemIn("[1, x]", () => 4).position, 4);
});

test("formatting keeps rows of plain values on one line", () => {
  assert.equal(formatted('{"a":[1,2],"b":{"c":[[1,2],[3,4]]},"e":[],"o":{}}'), '{\n  "a": [1, 2],\n  "b": {\n    "c": [\n      [1, 2],\n      [3, 4]\n    ]\n  },\n  "e": [],\n  "o": {}\n}');
  assert.equal(formatted("nope"), null);
});
