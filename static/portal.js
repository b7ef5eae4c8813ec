// Makes things smoother; nothing depends on it. No texts here: they come from data attributes in the page's language.
(() => {
  "use strict";
  const on = (type, selector, act) => document.addEventListener(type, (event) => {
    const found = event.target.closest?.(selector);
    if (found) act(found, event);
  });

  const say = (text) => {
    const place = document.getElementById("said-aloud");
    if (!place || !text) return;
    const line = document.createElement("span");
    line.textContent = text;
    place.replaceChildren(line);
    setTimeout(() => line.remove(), 4000);
  };

  // Things that only make sense with script are hidden in the markup and shown here.
  const prepare = (root) => {
    root.querySelectorAll("[data-script]").forEach((element) => { element.hidden = false; });
    root.querySelectorAll("[data-left]").forEach(count);
    root.querySelector(".summary[tabindex]")?.focus();
  };

  // Characters left: counted as the server counts them (code points; a line break is two characters).
  const count = (place) => {
    const field = document.getElementById(place.dataset.left);
    if (!field) return;
    const left = place.dataset.max - [...field.value.replace(/\r?\n/g, "\r\n")].length;
    place.textContent = (left < 0 ? place.dataset.over : place.dataset.text).replace("%s", Math.abs(left));
    place.classList.toggle("few", left >= 0 && left <= 20);
    place.classList.toggle("none", left < 0);
  };
  document.addEventListener("input", (event) => {
    if (event.target.id) document.querySelectorAll(`[data-left="${CSS.escape(event.target.id)}"]`).forEach(count);
  });

  on("click", "[data-copy]", async (button) => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      say(button.dataset.done);
    } catch {
      // Not allowed here (plain HTTP, a policy): select it, so that the keyboard can copy.
      source.focus();
      source.select?.();
      say(button.dataset.failed);
    }
  });

  // A long list of choices narrows to those with the words typed; what is chosen stays.
  document.addEventListener("input", (event) => {
    const field = event.target.closest?.("[data-narrows]");
    if (!field) return;
    const words = field.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const picks = [...document.querySelectorAll(`#${CSS.escape(field.dataset.narrows)} .pick`)];
    const found = picks.filter((pick) => words.every((word) => pick.textContent.toLocaleLowerCase().includes(word)));
    picks.forEach((pick) => { pick.hidden = !found.includes(pick) && !pick.querySelector(":checked"); });
    if (words.length) say(field.dataset.found.replace("%s", found.length));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.closest?.("[data-narrows]")) event.preventDefault();
  });

  // A list is narrowed in its place: its exports stand above it and follow the address.
  on("click", "[data-exports]", (link) => { link.search = location.search; });

  // Fields beside a search apply at once; without script the Search button does it.
  on("change", ".filters :is(select, [type=checkbox], [type=date])", (field) => field.form.requestSubmit());

  on("click", "[data-print]", () => window.print());
  on("click", ".dismiss", (button) => button.closest(".note").remove());
  on("click", "[data-opens]", (link, event) => {
    const dialog = document.getElementById(link.dataset.opens);
    if (!dialog?.showModal || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    dialog.showModal();
  });
  on("click", "[data-closes]", (button) => button.closest("dialog").close());
  on("change", "[data-selects]", (box) => {
    document.querySelectorAll(box.dataset.selects).forEach((other) => { if (!other.disabled) other.checked = box.checked; });
  });

  // Menus: one open at a time; a click elsewhere or Escape closes.
  const closeMenus = (except) => document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (menu !== except) menu.open = false;
  });
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest?.("details.menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  // The same form twice (a double click) is sent once. The server would stand it; the person needn't wonder.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented || form.hasAttribute("hx-post")) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    event.submitter?.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
    document.querySelectorAll("[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
  });

  // A refused or failed background request becomes an ordinary one, so that the person gets the page that says why.
  document.addEventListener("htmx:responseError", (event) => {
    const { requestConfig, pathInfo } = event.detail;
    if (requestConfig.verb === "get") location.assign(pathInfo.finalRequestPath);
    else say(document.body.dataset.failed);
  });
  document.addEventListener("htmx:sendError", () => say(document.body.dataset.offline));
  document.addEventListener("htmx:load", (event) => { if (event.target !== document.body) prepare(event.target); });
  prepare(document);
})();
