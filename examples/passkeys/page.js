// What a page does to register, to sign in, and to look after passkeys and accounts elsewhere.
//
// No token passes through here: with "transport": "session" the session is an httpOnly cookie, which
// no script can read and which the browser sends by itself.

const sections = ["sign-in", "account"].map((id) => document.getElementById(id));
const told = document.getElementById("told");
const BACK = "/#account"; // where providers send people back to
const CHALLENGE_LIVES = 5 * 60_000; // ms, and the one that autofill holds is renewed before that
const MESSAGES = {
  NotAllowedError: "The browser gave no passkey.", // refused, or not in time: it does not say
  InvalidStateError: "You have added this one already.",
  STEP_UP_REQUIRED: "This needs a fresh sign-in: sign out, and in again.",
};
let autofill = new AbortController(); // a browser has one request for a passkey at a time

async function call(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: body && { "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const content = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(content.message), { problem: content.code });
  return content;
}

async function addPasskey() {
  const options = await call("POST", "/auth/passkeys/register/options");
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const credential = await navigator.credentials.create({ publicKey });
  await call("POST", "/auth/passkeys/register", { credential: credential.toJSON() });
  await showAccount();
}

async function signInByPasskey(how) {
  const options = await call("POST", "/auth/passkeys/login/options");
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const credential = await navigator.credentials.get({ publicKey, ...how });
  const body = { credential: credential.toJSON(), transport: "session" };
  await call("POST", "/auth/passkeys/login", body);
  await showAccount();
}

// Among the addresses that the browser offers in the form, until another way in is taken.
async function offerPasskeys() {
  const { signal: taken } = (autofill = new AbortController());
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  while (!taken.aborted) {
    const signal = AbortSignal.any([taken, AbortSignal.timeout(CHALLENGE_LIVES * 0.9)]);
    try {
      return await signInByPasskey({ mediation: "conditional", signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

async function signInByPassword(form, { register }) {
  const { email, password } = Object.fromEntries(new FormData(form));
  if (register) await call("POST", "/auth/register", { email, password });
  await call("POST", "/auth/login", { email, password, transport: "session" });
  form.reset();
  await showAccount();
}

// A link and no fetch: a browser goes there, and comes back with the cookie of its session.
function entrance({ id, name }) {
  const link = document.createElement("a");
  link.href = `/auth/${id}?${new URLSearchParams({ returnTo: BACK, transport: "session" })}`;
  link.textContent = `Sign in with ${name}`;
  return link;
}

function linking({ id, name }) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `Link ${name}`;
  button.onclick = () =>
    attempt(async () => {
      const { url } = await call("POST", `/auth/${id}/link`, { returnTo: BACK });
      location.assign(url);
    });
  return button;
}

async function offerProviders() {
  const { providers } = await call("GET", "/auth/providers");
  document.getElementById("providers").replaceChildren(...providers.map(entrance));
  document.getElementById("linking").replaceChildren(...providers.map(linking));
  document.getElementById("elsewhere").hidden = providers.length === 0;
}

async function signOut() {
  await call("POST", "/auth/logout");
  showSignIn();
}

// The address says which section is meant, so that a stranger is not asked for a session.
function show(id) {
  history.replaceState(null, "", id === "account" ? "#account" : "/");
  for (const section of sections) section.hidden = section.id !== id;
}

function showSignIn() {
  show("sign-in");
  attempt(offerPasskeys);
}

async function showAccount() {
  autofill.abort();
  const { user, session } = await call("GET", "/profile");
  const { passkeys } = await call("GET", "/auth/passkeys");
  const { identities } = await call("GET", "/auth/identities");
  document.getElementById("who").textContent = user.email;
  document.getElementById("methods").textContent = session.amr.join(" ");
  document.getElementById("passkeys").replaceChildren(...passkeys.map(passkeyItem));
  document.getElementById("identities").replaceChildren(...identities.map(identityItem));
  show("account");
}

function passkeyItem({ id, credentialId, name }) {
  const element = document.getElementById("passkey").content.cloneNode(true);
  const form = element.querySelector("form");
  form.elements.name.value = name;
  form.onsubmit = (event) => {
    event.preventDefault();
    attempt(async () => {
      await call("PATCH", `/auth/passkeys/${id}`, { name: form.elements.name.value });
      await showAccount();
      told.textContent = "The passkey was renamed.";
    });
  };
  form.elements.remove.onclick = () =>
    attempt(async () => {
      await call("DELETE", `/auth/passkeys/${id}`);
      // Else the browser would go on offering what lets nobody in.
      await PublicKeyCredential.signalUnknownCredential?.({ rpId: location.hostname, credentialId });
      await showAccount();
    });
  return element;
}

function identityItem({ id, provider, email }) {
  const element = document.getElementById("identity").content.cloneNode(true);
  element.querySelector("span").textContent = `${provider}: ${email ?? "no address"}`;
  element.querySelector("button").onclick = () =>
    attempt(async () => {
      await call("DELETE", `/auth/identities/${id}`);
      await showAccount();
    });
  return element;
}

async function attempt(work) {
  told.textContent = "";
  try {
    await work();
  } catch (error) {
    told.textContent = MESSAGES[error.problem ?? error.name] ?? error.message;
  }
}

document.querySelector("#sign-in form").onsubmit = (event) => {
  event.preventDefault();
  const register = event.submitter?.value === "register";
  attempt(() => signInByPassword(event.target, { register }));
};
document.getElementById("use-passkey").onclick = () =>
  attempt(async () => {
    autofill.abort();
    try {
      await signInByPasskey();
    } catch (error) {
      attempt(offerPasskeys);
      throw error;
    }
  });
document.getElementById("add-passkey").onclick = () => attempt(addPasskey);
document.getElementById("sign-out").onclick = () => attempt(signOut);

attempt(offerProviders);
if (location.hash === "#account") {
  showAccount().catch(showSignIn);
} else {
  showSignIn();
}
