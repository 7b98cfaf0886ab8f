// Adding a passkey: the browser's own dialogue between two calls.
const form = document.querySelector("#passkey");
const problem = document.querySelector("#passkey-problem");
const isKnown = Boolean(window.PublicKeyCredential?.parseCreationOptionsFromJSON);

async function post(address, content) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
  });
  if (!answer.ok) throw new Error((await answer.json()).code);
  return answer.json();
}

async function add() {
  const options = await post(form.dataset.options, {});
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const credential = await navigator.credentials.create({ publicKey });
  await post(form.dataset.register, {
    credential: credential.toJSON(),
    name: form.elements.namedItem("name").value,
  });
  location.assign(form.dataset.to);
}

function refused(error) {
  // The page was open for so long that the proof of who is there is no longer fresh.
  if (error.message === "STEP_UP_REQUIRED") location.assign(form.dataset.confirm);
  else tell(problem.dataset.failed);
}

function tell(text) {
  problem.textContent = text;
  problem.hidden = false;
}

if (!isKnown) tell(problem.dataset.missing);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (isKnown) add().catch(refused);
});
