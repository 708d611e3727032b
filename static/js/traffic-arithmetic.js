// How shares move. Pure: whole percentages in, whole percentages out, and the sum never changes.

/**
 * Whole numbers in proportion to the weights, that sum to `total` (largest remainder; a tie goes to the earlier one).
 * With all weights zero, equal parts.
 * @param {number} total @param {number[]} weights @returns {number[]}
 */
export function spread(total, weights) {
  if (!weights.length) return [];
  const sum = weights.reduce((a, b) => a + b, 0);
  const exact = weights.map((weight) => (sum ? (total * weight) / sum : total / weights.length));
  const parts = exact.map(Math.floor);
  const order = exact.map((value, index) => [value - parts[index], index]).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
  let left = total - parts.reduce((a, b) => a + b, 0);
  for (const [, index] of order) {
    if (left <= 0) break;
    parts[index] += 1;
    left -= 1;
  }
  return parts;
}

/**
 * The shares after one is moved: the free others give or take in proportion. Where nobody can, it stays.
 * @param {number[]} shares summing to 100 @param {boolean[]} locked @param {number} index @param {number} wanted
 * @returns {number[]} summing to 100
 */
export function moveShare(shares, locked, index, wanted) {
  const others = shares.map((_, position) => position).filter((position) => position !== index && !locked[position]);
  if (!others.length) return [...shares];
  const available = shares[index] + others.reduce((sum, position) => sum + shares[position], 0);
  const value = Math.max(0, Math.min(available, Math.round(wanted)));
  const parts = spread(available - value, others.map((position) => shares[position]));
  const moved = [...shares];
  moved[index] = value;
  others.forEach((position, order) => (moved[position] = parts[order]));
  return moved;
}

/** All to one. */
export function allTo(count, index) {
  return Array.from({ length: count }, (_, position) => (position === index ? 100 : 0));
}

/**
 * Equal shares for those that may take traffic.
 * @param {boolean[]} able @returns {number[]}
 */
export function even(able) {
  const parts = spread(100, able.filter(Boolean).map(() => 1));
  return able.map((may) => (may ? parts.shift() : 0));
}

/**
 * `share` for the canary; the rest goes to the others in proportion to what they have now, or to the first able one.
 * @param {number[]} now @param {boolean[]} able
 */
export function canary(now, able, index, share) {
  const weights = now.map((value, position) => (position === index || !able[position] ? 0 : value));
  if (!weights.some(Boolean)) {
    const first = able.findIndex((may, position) => may && position !== index);
    if (first < 0) return allTo(now.length, index);
    weights[first] = 1;
  }
  const rest = spread(100 - share, weights);
  rest[index] = share;
  return rest;
}
