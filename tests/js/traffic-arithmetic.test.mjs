// node --test tests/js/
import assert from "node:assert/strict";
import test from "node:test";
import { allTo, canary, even, moveShare, spread } from "../../static/js/traffic-arithmetic.js";

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

function generator(seed) {
  let state = seed;
  return (below) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state % below;
  };
}

test("200,000 random moves keep the sum, the bounds and the locks", () => {
  const random = generator(7);
  let shares = [100, 0, 0];
  let locked = [false, false, false];
  for (let move = 0; move < 200_000; move += 1) {
    if (move % 50 === 0) {
      shares = spread(100, Array.from({ length: 1 + random(6) }, () => random(10)));
      locked = shares.map(() => random(4) === 0);
    }
    const before = shares;
    const index = random(shares.length);
    const wanted = random(141) - 20;
    shares = moveShare(before, locked, index, wanted);
    check(before, shares, locked, index, wanted);
  }
});

function check(before, after, locked, index, wanted) {
  assert.equal(sum(after), 100);
  assert.ok(after.every((share) => Number.isInteger(share) && share >= 0 && share <= 100));
  const free = before.filter((_, position) => position !== index && !locked[position]);
  const reachable = free.length ? Math.max(0, Math.min(before[index] + sum(free), wanted)) : before[index];
  assert.equal(after[index], reachable);
  locked.forEach((held, position) => held && position !== index && assert.equal(after[position], before[position]));
}

test("the others give and take in proportion", () => {
  assert.deepEqual(moveShare([50, 30, 20], [false, false, false], 0, 0), [0, 60, 40]);
  assert.deepEqual(moveShare([90, 10], [false, false], 1, 30), [70, 30]);
  assert.deepEqual(moveShare([100, 0, 0], [false, false, false], 0, 50), [50, 25, 25]);
  assert.deepEqual(moveShare([60, 40], [false, true], 0, 80), [60, 40]);
});

test("remainders go to the largest, a tie to the first", () => {
  assert.deepEqual(spread(100, [1, 1, 1]), [34, 33, 33]);
  assert.deepEqual(spread(10, [0, 0]), [5, 5]);
  assert.deepEqual(spread(7, [2, 1]), [5, 2]);
  assert.deepEqual(spread(5, []), []);
});

test("presets", () => {
  assert.deepEqual(allTo(3, 1), [0, 100, 0]);
  assert.deepEqual(even([true, false, true]), [50, 0, 50]);
  assert.deepEqual(canary([90, 10, 0], [true, true, true], 2, 10), [81, 9, 10]);
  assert.deepEqual(canary([0, 0], [true, true], 1, 5), [95, 5]);
  assert.deepEqual(canary([100, 0], [true, true], 0, 25), [25, 75]);
  assert.deepEqual(canary([0], [true], 0, 5), [100]);
});
