// The token of a link from a mail stands in the fragment, which is sent to nobody. It is moved into
// the form, and out of the address, the history and what a screenshot would show. What is to be
// seen is known before the page is drawn, so that nothing jumps.
{
  const read = () => {
    const token = new URLSearchParams(location.hash.slice(1)).get("token");
    document.documentElement.dataset.link = token ? "held" : "none";
    return token;
  };

  const take = () => {
    const token = read();
    const input = document.querySelector("input[name=token]");
    if (!token || !input) return;
    input.value = token;
    input.type = "hidden";
    history.replaceState(null, "", location.pathname + location.search);
  };

  read();
  addEventListener("DOMContentLoaded", take);
  // Another link that is opened in the same tab loads nothing anew.
  addEventListener("hashchange", () => {
    if (location.hash.startsWith("#token=")) take();
  });
}
