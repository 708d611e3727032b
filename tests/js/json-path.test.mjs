// node --test tests/js/
import assert from "node:assert/strict";
import test from "node:test";
import { valueAt, withValue } from "../../static/js/json-path.js";

test("what is there", () => {
  const body = { input_data: { columns: ["a"], data: [[1, null]] } };
  assert.equal(valueAt(body, ["input_data", "data", 0, 0]), 1);
  assert.equal(valueAt(body, ["input_data", "data", 0, 1]), null);
  assert.equal(valueAt(body, ["input_data", "data", 3, 0]), undefined);
  assert.equal(valueAt(undefined, ["a"]), undefined);
  assert.equal(valueAt({}, ["constructor"]), undefined);
});

test("a value is put in, and nothing else changes", () => {
  const body = { a: [{ b: 1 }, 2], c: 3 };
  assert.deepEqual(withValue(body, ["a", 0, "b"], 7), { a: [{ b: 7 }, 2], c: 3 });
  assert.deepEqual(body, { a: [{ b: 1 }, 2], c: 3 });
});

test("what lies on the way is made", () => {
  assert.deepEqual(withValue({}, ["a", 1, "b"], true), { a: [null, { b: true }] });
  assert.deepEqual(withValue("text", ["a"], null), { a: null });
});

test("no name reaches a prototype", () => {
  const made = withValue({}, ["__proto__", "polluted"], 1);
  assert.equal({}.polluted, undefined);
  assert.ok(Object.hasOwn(made, "__proto__"));
});
