// The figures of this moment, while somebody looks at them. The server takes it for no use of the
// session, so a page that is left open keeps nobody signed in.
const EVERY = 5_000;
const AT_MOST = 60_000;
const plots = document.querySelector(".plots");
const age = document.querySelector("#age");
const { figures, step, height } = plots.dataset;
let newest = Number(plots.dataset.newest);
let answered = new Date();
let wait = EVERY;
let timer;
let isAsking = false;
let hasEnded = false;

function write(time, at) {
  const text = new Date(at).toISOString();
  time.dateTime = `${text.slice(0, 19)}Z`;
  time.textContent = `${text.slice(0, 10)} ${text.slice(11, 16)} UTC`;
}

function draw(plot, fresh) {
  const rows = [...plot.querySelectorAll("tbody tr")];
  const known = rows.map((row) => Number(row.cells[1].textContent));
  const shown = [...known.slice(0, -1), ...fresh].slice(-rows.length);
  const bars = plot.querySelectorAll("rect");
  const most = Math.max(...shown);
  const total = shown.reduce((sum, count) => sum + count);
  shown.forEach((count, number) => {
    const tall = most && Math.ceil((count * height) / most);
    bars[number].setAttribute("y", height - tall);
    bars[number].setAttribute("height", tall);
    rows[number].cells[1].textContent = count;
    write(rows[number].querySelector("time"), (newest + 1 - shown.length + number) * step);
  });
  write(plot.querySelector(".ends time"), (newest + 1 - shown.length) * step);
  plot.querySelector("strong").textContent = total;
  const picture = plot.querySelector("svg");
  const label = picture.dataset.label.replace("{total}", total).replace("{most}", most);
  picture.setAttribute("aria-label", label);
}

function show(found) {
  newest = found.newest;
  document.querySelector("#live-sessions").textContent = found.liveSessions;
  document.querySelector("#waiting-passwords").textContent = found.waitingPasswords;
  for (const plot of plots.querySelectorAll("[data-type]")) draw(plot, found.counts[plot.dataset.type]);
}

function tell(text) {
  const told = text.replace("{at}", answered.toISOString().slice(11, 19));
  if (age.textContent !== told) age.textContent = told; // else it would be read aloud again
}

async function ask() {
  const answer = await fetch(`${figures}&since=${newest}`, {
    redirect: "manual",
    signal: AbortSignal.timeout(2 * EVERY),
  });
  hasEnded = answer.type === "opaqueredirect" || answer.status === 403;
  if (!answer.ok) throw new Error(answer.status);
  show(await answer.json());
  answered = new Date();
}

async function turn() {
  isAsking = true;
  try {
    await ask();
    wait = EVERY;
    tell("");
  } catch {
    wait = Math.min(wait * 2, AT_MOST);
    tell(hasEnded ? age.dataset.ended : age.dataset.old);
  }
  isAsking = false;
  rest();
}

function rest() {
  clearTimeout(timer);
  if (!document.hidden && !hasEnded) timer = setTimeout(turn, wait);
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden && !hasEnded && !isAsking) turn();
});
rest();
