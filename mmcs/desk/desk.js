// What the page does by itself: shows what a sentence rests on, plays, takes dropped files, switches
// tabs. It decides nothing and asks nobody but the desk. Gradio runs this function once.
() => {
  const root = document.documentElement;
  const card = document.createElement("div");
  card.id = "support-card";
  card.setAttribute("role", "tooltip");
  card.hidden = true;
  document.body.append(card);
  let pinned = null;
  const BOXES = { message: "#message textarea", reply: "#reply textarea" };

  // --- what a sentence rests on ---
  const anchored = (mark) =>
    [...document.querySelectorAll("#evidence [data-anchor]")].filter((e) => e.dataset.anchor === mark);

  function light(claim) {
    document.querySelectorAll(".lit").forEach((e) => e.classList.remove("lit"));
    if (!claim) return;
    claim.classList.add("lit");
    claim.querySelectorAll("[data-source]").forEach((chip) =>
      anchored(chip.dataset.source).forEach((e) => e.classList.add("lit"))
    );
  }

  function show(claim) {
    const quotes = claim.querySelector(".quotes");
    if (!quotes || !quotes.textContent.trim()) return hide();
    card.replaceChildren(...[...quotes.childNodes].map((node) => node.cloneNode(true)));
    card.hidden = false;
    light(claim);
    const place = claim.getClientRects()[0];
    const left = Math.min(Math.max(8, place.left), window.innerWidth - card.offsetWidth - 8);
    const last = claim.getBoundingClientRect();
    const below = last.bottom + 6;
    const above = last.top - card.offsetHeight - 6;
    card.style.left = `${left}px`;
    card.style.top = `${below + card.offsetHeight < window.innerHeight || above < 8 ? below : above}px`;
  }

  function hide() {
    if (pinned) return;
    card.hidden = true;
    light(null);
  }

  function go(mark) {
    const found = anchored(mark);
    const target = found.find((e) => !e.classList.contains("box")) || found[0];
    if (!target) return;
    if (target.tagName === "DETAILS") target.open = true;
    target.scrollIntoView({ block: "center", behavior: "smooth" });
    found.forEach((e) => {
      e.classList.add("flash");
      setTimeout(() => e.classList.remove("flash"), 1600);
    });
    if (target.dataset.start) play(target.closest(".transcript"), Number(target.dataset.start));
  }

  // --- sound ---
  function play(transcript, from) {
    const audio = transcript && transcript.querySelector("audio");
    if (!audio) return;
    document.querySelectorAll("audio").forEach((other) => other !== audio && other.pause());
    if (from !== undefined) audio.currentTime = from;
    if (from === undefined && !audio.paused) audio.pause();
    else audio.play().catch(() => {});
  }

  // The voice note that a button plays: its own card's, or the one that its reel names.
  function heard(pressed) {
    const reel = pressed.closest("[data-of]");
    if (!reel) return pressed.closest(".transcript");
    const own = [...document.querySelectorAll("#evidence [data-recording]")].find(
      (player) => player.dataset.recording === reel.dataset.of
    );
    return own && own.closest(".transcript");
  }

  function follow(event) {
    const audio = event.target;
    const transcript = audio.closest && audio.closest(".transcript");
    if (!transcript) return;
    const now = audio.currentTime;
    const clock = `${Math.floor(now / 60)}:${String(Math.floor(now % 60)).padStart(2, "0")}`;
    transcript.querySelector("time").textContent = clock;
    transcript.querySelector(".track i").style.width = `${(100 * now) / (audio.duration || 1)}%`;
    const player = transcript.querySelector(".player");
    player.classList.toggle("playing", !audio.paused);
    for (const reel of document.querySelectorAll("#evidence .reel")) {
      if (reel.dataset.of !== player.dataset.recording) continue;
      reel.classList.toggle("playing", !audio.paused);
      reel.querySelector(".needle").style.left = `${Math.min(100, (100 * now) / reel.dataset.length)}%`;
    }
    const said = [...transcript.querySelectorAll("[data-start]")];
    const current = said.filter((e) => Number(e.dataset.start) <= now + 0.05).pop();
    said.forEach((e) => e.classList.toggle("now", e === current && !audio.paused));
  }
  for (const name of ["timeupdate", "play", "pause", "ended"]) {
    document.addEventListener(name, follow, true);
  }

  // --- presses ---
  document.addEventListener("click", (event) => {
    const on = (selector) => event.target.closest(selector);
    const claim = on(".claim");
    if (claim) {
      pinned = pinned === claim ? null : claim;
      show(claim);
    } else if (pinned && !on("#support-card")) {
      pinned = null;
      hide();
    }
    if (on("[data-goto]")) go(on("[data-goto]").dataset.goto);
    if (on("[data-play]")) play(heard(on("[data-play]")));
    if (on("[data-at]")) play(heard(on("[data-at]")), Number(on("[data-at]").dataset.at));
    if (on("[data-seek]")) {
      const track = on("[data-seek]").getBoundingClientRect();
      const audio = on(".transcript").querySelector("audio");
      play(on(".transcript"), (audio.duration || 0) * ((event.clientX - track.left) / track.width));
    }
    if (on("[data-act=why]")) ask(on("[data-act=why]"));
    if (on("[data-act=use]")) use(on("[data-act=use]").dataset.text);
    if (on("[data-zoom]")) on("[data-zoom]").classList.toggle("large");
    if (on("[data-tab]")) {
      turn(on(".tabbed"), on("[data-tab]").dataset.tab);
      if (on("#lists")) listed = on("[data-tab]").dataset.tab;
    }
    const models = document.querySelector("details.models[open]");
    if (models && !on("details.models")) models.open = false;
  });

  const claimOf = (event) => event.target.closest && event.target.closest(".claim");
  for (const name of ["mouseover", "focusin"]) {
    document.addEventListener(name, (event) => {
      const claim = claimOf(event);
      if (claim && !pinned) show(claim);
    });
  }
  for (const name of ["mouseout", "focusout"]) {
    document.addEventListener(name, (event) => {
      if (claimOf(event) && !claimOf(event).contains(event.relatedTarget)) hide();
    });
  }
  document.addEventListener(
    "scroll",
    () => {
      pinned = null;
      const focused = document.activeElement && document.activeElement.closest(".claim");
      if (focused) show(focused); // it was scrolled into view by the very key that chose it
      else hide();
    },
    true
  );

  // --- keys ---
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      pinned = null;
      hide();
      document.querySelectorAll("figure.large").forEach((f) => f.classList.remove("large"));
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      atTicket(() => document.querySelector("#draft").click());
    }
    const edited = event.target.closest && event.target.closest("[data-edit]");
    if (edited && event.key === "Enter") {
      event.preventDefault();
      edited.blur();
    }
    const claim = claimOf(event);
    if (claim && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      const source = claim.querySelector("[data-source]");
      if (source) go(source.dataset.source);
    }
  });

  // --- corrections ---
  document.addEventListener("focusin", (event) => {
    const edited = event.target.closest("[data-edit]");
    if (edited) edited.dataset.before = edited.textContent;
  });
  document.addEventListener("focusout", (event) => {
    const edited = event.target.closest("[data-edit]");
    if (!edited || edited.textContent === edited.dataset.before) return;
    const { edit, attachment, number } = edited.dataset;
    edited.classList.add("corrected");
    const detail = { edit, attachment, number, text: edited.textContent.trim() };
    edited.dispatchEvent(new CustomEvent("desk-edit", { bubbles: true, detail }));
  });

  // --- files: dropped or pasted anywhere in the ticket's column ---
  function take(files) {
    const carried = new DataTransfer();
    for (const file of files) carried.items.add(file);
    atTicket(() => {
      const inlet = document.querySelector("#inlets input[type=file]");
      if (!inlet || !carried.files.length) return;
      inlet.files = carried.files;
      inlet.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }
  const pane = (event) => event.target.closest && event.target.closest("#ticket");
  const carriesFiles = (event) => event.dataTransfer && event.dataTransfer.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return; // text may be dropped into any box
    event.preventDefault();
    if (pane(event)) pane(event).classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (pane(event) && !pane(event).contains(event.relatedTarget)) {
      pane(event).classList.remove("dropping");
    }
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    document.querySelectorAll(".dropping").forEach((e) => e.classList.remove("dropping"));
    if (pane(event)) take(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    const files = event.clipboardData ? [...event.clipboardData.files] : [];
    const text = boxOf(event.target) && event.clipboardData.types.includes("text/plain");
    if (files.length && pane(event) && !text) { // a table's cells come as text and as a picture
      event.preventDefault();
      take(files);
    }
  });

  // --- between two tickets ---
  // Until a ticket is drawn, a press would go to the one before. Buttons take none, from the mouse
  // (desk.css) or the keyboard; Ctrl+Enter and what is dropped are done at the ticket drawn next.
  const TURNS = new Set(["open", "sample", "new", "afresh", "language"]);
  let turning = 0; // answers on their way that draw a ticket

  function turnBy(count) {
    turning += count;
    root.toggleAttribute("data-turning", turning > 0);
    document.querySelector("#desk").setAttribute("aria-busy", String(turning > 0));
  }
  function turns(options) {
    const { event_data: pressed } = JSON.parse((options && options.body) || "{}");
    return Boolean(pressed) && TURNS.has(pressed.act);
  }
  const between = () => turning > 0 || !ticket().case;
  function atTicket(act) {
    if (between() || Object.keys(early).length) requestAnimationFrame(() => atTicket(act));
    else act();
  }
  window.addEventListener("click", (event) => {
    if (!event.target.closest("#desk button") || !between()) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // Gradio listens at the button itself
  }, true);
  const onceDrawn = (act) => requestAnimationFrame(() => requestAnimationFrame(act));

  // --- tabs ---
  let listed = "0"; // which of the lists of tickets the agent looks at

  function turn(group, shown) {
    group.dataset.shown = shown;
    group.querySelectorAll("[data-tab]").forEach((tab) =>
      tab.setAttribute("aria-selected", String(tab.dataset.tab === shown))
    );
  }

  // --- what comes into a box: kept in this browser until the desk has said that it is kept there ---
  // Gradio's own `input` event comes with keys that write a character alone: not with what is pasted,
  // dropped, cut, deleted, undone, spoken, or composed by an input method, as Chinese is.
  const TYPED = "mmcs-typed"; // in localStorage, by ticket and box: {text, known, answers, mark}
  const SOON = 300; // ms from the last change until it is sent
  const LOST = 10_000; // ms until what was sent is sent again
  const MOST_KNOWN = 8; // texts that the desk may have of one box, by what this page has sent it
  const before = {}; // by box: its text as it stood before the latest change
  const early = {}; // by box: what came into it before the page knew its ticket
  let sending = null; // the mark of what is on its way, and since when
  let timer = 0;

  const boxOf = (area) => Object.keys(BOXES).find((box) => area.matches && area.matches(BOXES[box]));
  const ticket = () => (document.querySelector("#turns [data-case]") || { dataset: {} }).dataset;
  const typed = () => JSON.parse(localStorage.getItem(TYPED) || "{}");
  function note(key, record) {
    const all = typed();
    delete all[key];
    if (record) all[key] = record; // behind the others, which get their turn
    localStorage.setItem(TYPED, JSON.stringify(all));
  }

  for (const name of ["focusin", "beforeinput"]) {
    document.addEventListener(name, (event) => {
      if (boxOf(event.target)) before[boxOf(event.target)] = event.target.value;
    }, true);
  }
  document.addEventListener("input", (event) => {
    const box = boxOf(event.target);
    if (box) changed(box, event.target.value);
  });
  function changed(box, text) {
    const { case: id, answers } = ticket();
    if (!id) {
      early[box] = text;
      return;
    }
    const key = `${id} ${box}`;
    const { known } = typed()[key] || { known: [before[box] || ""] };
    before[box] = text;
    note(key, { text, known, answers, mark: crypto.getRandomValues(new Uint32Array(2)).join("-") });
    clearTimeout(timer);
    timer = setTimeout(send, SOON);
  }

  function send() {
    clearTimeout(timer);
    const [key, record] = Object.entries(typed())[0] || [];
    if (!key) return;
    timer = setTimeout(send, LOST);
    if (sending && Date.now() - sending.since < LOST) return;
    sending = { key, mark: record.mark, since: Date.now() };
    const known = [...new Set([...record.known, record.text])].slice(-MOST_KNOWN);
    note(key, { ...record, known });
    const [id, box] = key.split(" ");
    const { text, answers, mark } = record;
    const detail = { case: id, box, text, answers, mark, known: record.known };
    document.querySelector("#saved [data-saved]").dispatchEvent(new CustomEvent("desk-typed", { bubbles: true, detail }));
  }

  function saved(mark) {
    if (!sending || sending.mark !== mark) return;
    const { key } = sending;
    sending = null;
    if ((typed()[key] || {}).mark === mark) note(key, null);
    send();
  }

  // Puts back what was typed and is not kept by the desk. A text that came from elsewhere meanwhile
  // stays, above it, and the agent is told.
  function restore() {
    const { case: id, answers } = ticket();
    if (!id) return;
    for (const box of Object.keys(BOXES)) {
      if (box in early) changed(box, early[box]);
      delete early[box];
      const key = `${id} ${box}`;
      const record = typed()[key];
      const area = document.querySelector(BOXES[box]);
      if (!record || !area) continue;
      if (record.answers !== answers && recorded(record.text)) {
        note(key, null); // it is a turn of the conversation now
        continue;
      }
      if (area.value !== record.text) put(area, key, record);
    }
    send();
  }
  const recorded = (text) =>
    [...document.querySelectorAll("#turns .turn p")].some((p) => p.textContent.trim().startsWith(text.trim()));

  function put(area, key, { text, known }) {
    const there = area.value.trim();
    const ours = !there || known.some((one) => one.trim() === there);
    before[boxOf(area)] = area.value;
    note(key, null);
    area.value = ours ? text : `${area.value}\n\n${text}`;
    area.dispatchEvent(new Event("input", { bubbles: true }));
    if (!ours) tell(words("sayJoined"));
  }

  // What the page says in its language; nothing while its head is being drawn anew.
  const words = (key) => (document.querySelector(".topbar") || { dataset: {} }).dataset[key] || "";

  const remark = document.createElement("p");
  remark.id = "desk-remark";
  remark.setAttribute("role", "status");
  document.body.append(remark);
  function tell(what) {
    remark.textContent = what;
    document.addEventListener("pointerdown", () => { remark.textContent = ""; }, { once: true });
  }

  // --- what the desk could not do ---
  // Gradio shows no error of an event that does not queue (6.31: its client drops "visible" there).
  const fetched = window.fetch;
  window.fetch = async (...asked) => {
    if (!String(asked[0].url || asked[0]).includes("/gradio_api/run/")) return fetched(...asked);
    const count = turns(asked[1]) ? 1 : 0;
    turnBy(count);
    try {
      const answer = await fetched(...asked);
      const text = count || !answer.ok ? await answer.clone().text() : "";
      if (!answer.ok) sayWhy(text);
      return answer;
    } finally {
      onceDrawn(() => turnBy(-count));
    }
  };
  function sayWhy(text) {
    try {
      const { error } = JSON.parse(text);
      if (error) tell(error);
    } catch {} // a proxy's page
  }

  // --- the reply ---
  // Puts a draft into the reply as if it were typed, so that the browser's own undo takes it out
  // again. What the agent has written stays, above it; an unchanged draft gives way to the other.
  let used = "";
  function use(draft) {
    const area = document.querySelector(BOXES.reply);
    const drafts = [...document.querySelectorAll("#drafts [data-act=use]")].map((button) => button.dataset.text.trim());
    const there = area.value.trim();
    const whole = !there || [used, ...drafts].includes(there);
    area.focus();
    before.reply = area.value;
    area.setSelectionRange(whole ? 0 : area.value.length, area.value.length);
    const text = whole ? draft : `\n\n${draft}`;
    if (!document.execCommand("insertText", false, text)) {
      area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
      area.dispatchEvent(new Event("input", { bubbles: true }));
    }
    used = draft.trim();
  }

  window.deskCopy = (text) => {
    const button = document.querySelector("#copy");
    const done = () => {
      const label = button.textContent;
      button.textContent = words("sayCopied");
      setTimeout(() => { button.textContent = label; }, 1200);
    };
    const byHand = () => {  // a page that is not served over https has no clipboard of its own
      const box = document.querySelector("#reply textarea");
      box.select();
      if (document.execCommand("copy")) done();
    };
    if (navigator.clipboard) navigator.clipboard.writeText(text || "").then(done, byHand);
    else byHand();
  };

  // --- a draft that is being written stays in sight, unless the agent has scrolled away from its end;
  // where the whole page scrolls, as on a phone, it never moves ---
  let away = false;
  let end = 0; // how far the drafts were scrolled to show the end
  document.addEventListener("scroll", (event) => {
    if (event.target.id === "drafts") away = event.target.scrollTop < end - 4;
  }, true);
  function followCaret(pane) {
    const caret = pane.querySelector(".caret");
    if (!caret) {
      away = false;
      end = 0;
      return;
    }
    const hidden = caret.getBoundingClientRect().bottom + 8 - pane.getBoundingClientRect().bottom;
    if (away || hidden <= 0) return;
    pane.scrollTop += hidden;
    end = pane.scrollTop;
  }

  // --- why: the answer comes into sight when it was asked for, and so does the sign that it is sought
  let sought = false; // whether the agent has asked, and not seen the answer yet
  function ask(button) {
    sought = button.getAttribute("aria-expanded") === "false";
    button.toggleAttribute("data-busy", sought);
  }
  function showReason() {
    const reason = sought && document.querySelector("#evidence .reason");
    if (!reason) return;
    sought = "awaited" in reason.dataset;
    reason.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  // --- whenever a part of the page was drawn anew ---
  document.addEventListener("desk-drawn", (event) => {
    const part = event.target.closest(".block");
    if (part.id === "lists" && part.querySelector(".tabbed")) turn(part.querySelector(".tabbed"), listed);
    if (part.id === "drafts") followCaret(part);
    if (part.id === "evidence") showReason();
    // An option that was chosen by hand stays chosen where the browser keeps the old list's place.
    part.querySelectorAll("option[selected]").forEach((option) => { option.selected = true; });
    if (part.id === "top") say();
    const mark = part.id === "saved" && part.querySelector("[data-saved]");
    if (mark) saved(mark.dataset.saved);
    else onceDrawn(restore); // the boxes too, by then
  });

  // --- words that Gradio's own parts say ---
  const say = () => {
    const bar = document.querySelector(".topbar");
    if (!bar) return;
    root.lang = bar.dataset.language === "zh" ? "zh-Hans" : "en";
    for (const [key, words] of Object.entries(bar.dataset)) {
      if (key.startsWith("say")) root.style.setProperty(`--${key.replace(/[A-Z]/g, (c) => "-" + c.toLowerCase())}`, JSON.stringify(words));
    }
  };
  say();
}
