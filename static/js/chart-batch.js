// A chart's figure from the server. Charts of one page that want theirs at once ask together, with ?charts=; ?tables=
// names those that want their numbers as text too.

const WAIT = 20; // ms, in which others join
const waiting = new Map(); // URL -> [{name, asTable, resolve, reject}]

/** @returns {Promise<object>} rejects with an Error that has the problem's JSON as `answer`. */
export function figureOf({ dataset: { figureUrl, chartBatch, chartName } }, asTable) {
  if (!chartBatch) return ask(figureUrl);
  return new Promise((resolve, reject) => {
    if (!waiting.has(chartBatch)) setTimeout(() => void together(chartBatch), WAIT);
    waiting.set(chartBatch, [...(waiting.get(chartBatch) ?? []), { name: chartName, asTable, resolve, reject }]);
  });
}

async function together(url) {
  const all = waiting.get(url);
  waiting.delete(url);
  try {
    const names = (some) => some.map(({ name }) => name).join(",");
    const figures = await ask(`${url}&charts=${names(all)}&tables=${names(all.filter(({ asTable }) => asTable))}`);
    all.forEach(({ name, resolve }) => resolve(figures[name]));
  } catch (error) {
    all.forEach(({ reject }) => reject(error));
  }
}

async function ask(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(answer.title ?? `The server answered ${response.status}`), { answer });
  return answer;
}
