// Says beside the list whether it still updates by itself: a list that stands still must not look alive.
(() => {
  const told = () => document.getElementById("live-state");
  const say = (text, address, link) => {
    const place = told();
    if (!place || place.dataset.said === text) return;
    place.dataset.said = text;
    place.textContent = text;
    if (!address) return;
    const anchor = document.createElement("a");
    anchor.href = address;
    anchor.textContent = link;
    place.append(" ", anchor);
  };
  document.addEventListener("htmx:sse:after:connection", () => say("This list updates by itself."));
  document.addEventListener("htmx:sse:error", (event) => {
    if (event.detail.status === 401) say("Your session is over.", location.href, "Sign in again");
    else say("Connection lost: what stands here is old. Trying again.");
  });
  document.addEventListener("htmx:sse:close", (event) => {
    if (event.detail.reason === "message") say("This list no longer updates.");
  });
})();
