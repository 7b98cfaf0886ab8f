// The token of a link from a mail stands in the fragment, which is sent to nobody. It is moved into
// the form, and out of the address, the history and what a screenshot would show.
function take() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  const input = document.querySelector("input[name=token]");
  if (token && input) {
    const place = input.closest("[data-fragment]");
    input.value = token;
    input.type = "hidden";
    if (place) place.hidden = true;
    history.replaceState(null, "", location.pathname + location.search);
  }
  for (const form of document.querySelectorAll("[data-with-fragment]")) form.hidden = !token;
  for (const form of document.querySelectorAll("[data-without-fragment]")) form.hidden = Boolean(token);
}

take();
// Another link that is opened in the same tab loads nothing anew.
addEventListener("hashchange", () => {
  if (location.hash.startsWith("#token=")) take();
});
