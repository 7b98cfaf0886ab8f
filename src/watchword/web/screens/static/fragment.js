// The token of a link from a mail stands in the fragment, which is sent to nobody. It is moved into
// the form, and out of the address, the history and what a screenshot would show.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const place = document.querySelector("[data-fragment]");
if (token && place) {
  const input = place.querySelector("input");
  input.value = token;
  input.type = "hidden";
  place.hidden = true;
  history.replaceState(null, "", location.pathname + location.search);
}
for (const form of document.querySelectorAll("[data-with-fragment]")) form.hidden = !token;
for (const form of document.querySelectorAll("[data-without-fragment]")) form.hidden = Boolean(token);
