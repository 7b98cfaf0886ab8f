// Signing in with a passkey: by the button, or from what the browser offers in the address field.
const button = document.querySelector("#passkey");
const problem = document.querySelector("#passkey-problem");
const remember = document.querySelector("input[name=remember]");
const pending = new AbortController();

async function post(address, content) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
  });
  if (!answer.ok) throw new Error((await answer.json()).code);
  return answer.json();
}

async function choose(more) {
  const options = await post(button.dataset.options, {});
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return navigator.credentials.get({ publicKey, ...more });
}

async function signIn(credential) {
  await post(button.dataset.login, {
    credential: credential.toJSON(),
    transport: "session",
    remember: remember.checked,
  });
  location.assign(button.dataset.to);
}

function tell(error) {
  // Somebody who closes the browser's window needs no words.
  if (error.name === "AbortError" || error.name === "NotAllowedError") return;
  problem.textContent = button.dataset.failed;
  problem.hidden = false;
}

if (window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  button.hidden = false;
  button.addEventListener("click", () => {
    pending.abort();
    problem.hidden = true;
    choose({}).then(signIn).catch(tell);
  });
  if (await PublicKeyCredential.isConditionalMediationAvailable?.()) {
    const offered = choose({ mediation: "conditional", signal: pending.signal });
    // Nobody has asked for the offer, so nobody hears of one that could not be made or gave way.
    offered.then((credential) => signIn(credential).catch(tell), () => {});
  }
} else {
  button.classList.remove("expected");
}
