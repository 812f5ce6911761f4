// Small comforts on top of pages that work without: copy buttons, the code box,
// and parts that refresh themselves when something changes.
(() => {
  "use strict";

  // Copy buttons.
  function wakeCopyButtons(root) {
    for (const b of root.querySelectorAll("button[data-copy]")) b.hidden = false;
  }
  document.addEventListener("click", async (e) => {
    const b = e.target.closest("button[data-copy]");
    if (!b) return;
    const source = document.getElementById(b.dataset.copy);
    if (!source) return;
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(source);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      document.execCommand("copy");
    }
    const words = b.lastChild;
    const before = words.textContent;
    if (before === b.dataset.done) return;
    words.textContent = b.dataset.done;
    b.setAttribute("aria-live", "polite");
    setTimeout(() => { words.textContent = before; }, 2000);
  });
  wakeCopyButtons(document);

  // The code box shows what is typed as the glass does: ABCD EFGH.
  for (const box of document.querySelectorAll("input[data-code]")) {
    const tidy = () => {
      const end = box.selectionStart === box.value.length;
      const code = box.value.toUpperCase().replace(/[\s-]/g, "").slice(0, 8);
      const text = code.length > 4 ? code.slice(0, 4) + " " + code.slice(4) : code;
      if (text !== box.value && end) box.value = text;
    };
    box.addEventListener("input", tidy);
    tidy();
  }

  // The browser's time zone is the best guess for a new site.
  for (const box of document.querySelectorAll("input[data-zone]")) {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone && box.value === "UTC") box.value = zone;
  }

  // Parts of a form that only matter with one choice of a list.
  for (const part of document.querySelectorAll("details[data-when]")) {
    const [name, value] = part.dataset.when.split("=");
    const list = document.querySelector(`select[name="${name}"]`);
    if (list) list.addEventListener("change", () => { part.open = list.value === value; });
  }

  // A field with too many choices for a list is given some that fit.
  for (const box of document.querySelectorAll("input[data-choices]")) {
    let wait = 0, asked = "";
    const ask = async () => {
      const q = box.value.trim();
      if (q === asked) return;
      asked = q;
      try {
        const answer = await fetch(box.dataset.choices + "?q=" + encodeURIComponent(q));
        if (!answer.ok) return;
        const labels = await answer.json();
        if (q !== asked) return;
        box.list.replaceChildren(...labels.map((l) => { const o = document.createElement("option"); o.value = l; return o; }));
      } catch {
        // the next key tries again
      }
    };
    box.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(ask, 200); });
  }

  // The preview of a template follows what is typed.
  for (const form of document.querySelectorAll("form[data-look]")) {
    let wait = 0;
    const draw = async () => {
      const body = new URLSearchParams(new FormData(form));
      body.set("do", "try");
      let page;
      try {
        const answer = await fetch(form.action, { method: "POST", body });
        page = new DOMParser().parseFromString(await answer.text(), "text/html");
      } catch {
        return; // the next key tries again
      }
      const state = page.getElementById("look-state");
      if (state) document.getElementById("look-state").replaceChildren(...state.childNodes);
      const fresh = page.querySelectorAll("img[data-look-picture]");
      form.querySelectorAll("img[data-look-picture]").forEach((img, i) => { if (fresh[i]) img.src = fresh[i].getAttribute("src"); });
    };
    form.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(draw, 400); });
  }

  // "/" goes to the search field.
  document.addEventListener("keydown", (e) => {
    if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, textarea, select")) return;
    const search = document.querySelector('input[type="search"]');
    if (search) { e.preventDefault(); search.focus(); }
  });

  // A button is pressed once.
  document.addEventListener("submit", (e) => {
    if (e.defaultPrevented || e.target.method !== "post") return;
    setTimeout(() => { for (const b of e.target.elements) if (b.matches("button")) b.disabled = true; }, 0);
  });
  addEventListener("pageshow", () => {
    for (const b of document.querySelectorAll("button:disabled")) b.disabled = false;
  });

  // Live parts.
  const stream = document.body.dataset.live;
  if (!stream) return;
  let busy = false, again = false, timer = 0, beat = 0;

  // What a page says first is read out when it changes.
  const says = () => [...document.querySelectorAll("main h1, .head__state, .head .lead")].map((e) => e.textContent.trim()).join(". ");
  let said = says();
  function tell() {
    const now = says();
    if (now !== said) document.getElementById("news").textContent = said = now;
  }

  function replace(part, fresh) {
    if (part.innerHTML === fresh.innerHTML || part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")) return;
    const open = new Set([...part.querySelectorAll("details[open]")].map((d) => d.querySelector("summary").textContent));
    const focused = part.contains(document.activeElement) && document.activeElement.id;
    part.innerHTML = fresh.innerHTML;
    for (const d of part.querySelectorAll("details")) if (open.has(d.querySelector("summary").textContent)) d.open = true;
    wakeCopyButtons(part);
    if (focused) document.getElementById(focused)?.focus();
  }
  async function refresh() {
    if (document.hidden) { again = true; return; }
    if (busy) { again = true; return; }
    busy = true; again = false;
    try {
      const res = await fetch(location.href, { redirect: "error" });
      if (!res.ok) return;
      const page = new DOMParser().parseFromString(await res.text(), "text/html");
      for (const part of document.querySelectorAll("[data-part]")) {
        const fresh = page.querySelector(`[data-part="${part.dataset.part}"]`);
        if (fresh) replace(part, document.importNode(fresh, true));
      }
      document.title = page.title;
      tell();
    } catch {
      // The next change or the clock asks again.
    } finally {
      busy = false;
      if (again && !document.hidden) later(500);
    }
  }
  function later(ms) { clearTimeout(timer); timer = setTimeout(refresh, ms); }
  function everySeconds(s) { clearInterval(beat); beat = setInterval(refresh, s * 1000); }

  const source = new EventSource(stream);
  source.addEventListener("change", () => later(0));
  source.addEventListener("open", () => { later(0); everySeconds(60); }); // what changed meanwhile; marks also change with time
  source.addEventListener("error", () => everySeconds(15)); // no stream: ask
  everySeconds(60);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) later(0); });
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
})();
