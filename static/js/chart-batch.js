// A chart's figure from the server. Charts of one page that want theirs at once ask together, with ?charts=.

const WAIT = 20; // ms, in which others join
const waiting = new Map(); // URL -> [{name, resolve, reject}]

/** @returns {Promise<object>} rejects with an Error that has the problem's JSON as `answer`. */
export function figureOf({ dataset: { figureUrl, chartBatch, chartName } }) {
  if (!chartBatch) return ask(figureUrl);
  return new Promise((resolve, reject) => {
    if (!waiting.has(chartBatch)) setTimeout(() => void together(chartBatch), WAIT);
    waiting.set(chartBatch, [...(waiting.get(chartBatch) ?? []), { name: chartName, resolve, reject }]);
  });
}

async function together(url) {
  const all = waiting.get(url);
  waiting.delete(url);
  try {
    const figures = await ask(`${url}&charts=${all.map(({ name }) => name).join(",")}`);
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
