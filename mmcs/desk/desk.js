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
  let sought = false; // whether the agent has asked why, and not seen the answer yet

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
    if (on("[data-act=why]")) sought = on("[data-act=why]").getAttribute("aria-expanded") === "false";
    if (on("[data-zoom]")) on("[data-zoom]").classList.toggle("large");
    if (on("[data-tab]")) {
      const group = on(".tabbed");
      group.dataset.shown = on("[data-tab]").dataset.tab;
      group.querySelectorAll("[data-tab]").forEach((tab) =>
        tab.setAttribute("aria-selected", String(tab.dataset.tab === group.dataset.shown))
      );
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
      const draft = document.querySelector("#draft");
      if (draft) draft.click();
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
    const inlet = document.querySelector("#inlets input[type=file]");
    if (!inlet || !files.length) return;
    const carried = new DataTransfer();
    for (const file of files) carried.items.add(file);
    inlet.files = carried.files;
    inlet.dispatchEvent(new Event("change", { bubbles: true }));
  }
  const pane = (event) => event.target.closest && event.target.closest("#ticket");
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    if (pane(event)) pane(event).classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (pane(event) && !pane(event).contains(event.relatedTarget)) {
      pane(event).classList.remove("dropping");
    }
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.querySelectorAll(".dropping").forEach((e) => e.classList.remove("dropping"));
    if (pane(event)) take(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    const files = event.clipboardData ? [...event.clipboardData.files] : [];
    if (files.length && pane(event)) {
      event.preventDefault();
      take(files);
    }
  });

  // --- the reply ---
  window.deskCopy = (text) => {
    const button = document.querySelector("#copy");
    const done = () => {
      const words = button.textContent;
      button.textContent = document.querySelector(".topbar").dataset.sayCopied;
      setTimeout(() => { button.textContent = words; }, 1200);
    };
    const byHand = () => {  // a page that is not served over https has no clipboard of its own
      const box = document.querySelector("#reply textarea");
      box.select();
      if (document.execCommand("copy")) done();
    };
    if (navigator.clipboard) navigator.clipboard.writeText(text || "").then(done, byHand);
    else byHand();
  };

  // --- a draft that is being written stays in sight; a reason comes into it when it was asked for ---
  new MutationObserver(() => {
    const caret = document.querySelector("#drafts .caret");
    if (caret) caret.scrollIntoView({ block: "nearest" });
    const reason = sought && document.querySelector("#evidence .reason:not([data-awaited])");
    if (reason) {
      sought = false;
      reason.scrollIntoView({ block: "nearest", behavior: "smooth" });
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true });

  // --- words that Gradio's own parts say ---
  const say = () => {
    const bar = document.querySelector(".topbar");
    if (!bar) return;
    root.lang = bar.dataset.language === "zh" ? "zh-Hans" : "en";
    for (const [key, words] of Object.entries(bar.dataset)) {
      if (key.startsWith("say")) root.style.setProperty(`--${key.replace(/[A-Z]/g, (c) => "-" + c.toLowerCase())}`, JSON.stringify(words));
    }
  };
  new MutationObserver(say).observe(document.body, { subtree: true, childList: true, attributeFilter: ["data-language"] });
  say();
}
