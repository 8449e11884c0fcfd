// Extras only: every page works without this file. It never stores, sends or announces a passcode.
"use strict";
(() => {
  const SHOWN_FOR = 60; // seconds
  const WARN_AT = 20; // seconds before the end: WCAG 2.2.1 asks for twenty at least
  const one = (selector) => document.querySelector(selector);
  const say = (text) => {
    one("[data-status]").textContent = text;
  };

  // Instants, in the reader's own time.
  for (const time of document.querySelectorAll("time[datetime]")) {
    const form = { day: "numeric", month: "long", hour: "numeric", minute: "2-digit", timeZoneName: "short" };
    const { lang } = time.closest("[lang]");
    const locale = navigator.languages.find((one) => one.split("-")[0] === lang) || lang;
    time.textContent = new Intl.DateTimeFormat(locale, form).format(new Date(time.dateTime));
  }

  // A second press must not replace the one page that shows the pass.
  for (const form of document.querySelectorAll('form[method="post"]')) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
    });
  }
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  const follow = one("[data-follow]");
  if (follow) followUntilReady(follow.dataset.follow, Number(follow.dataset.seconds) * 1000);
  const pass = one("[data-pass]");
  if (pass) guard(pass);

  function followUntilReady(path, pause) {
    const look = async () => {
      try {
        const answer = await fetch(path, { cache: "no-store", credentials: "same-origin" });
        const page = await answer.text();
        const ready = answer.status < 500 && !page.includes('data-screen="being-made"');
        if (ready) return location.replace(path);
      } catch {
        // no network for a moment: look again
      }
      setTimeout(look, pause);
    };
    setTimeout(look, pause);
  }

  function guard(pass) {
    const said = pass.dataset;
    const seconds = one("[data-seconds]");
    const timer = one("[data-timer]");
    const keep = one("[data-keep]");
    const copy = one("[data-copy]");
    const left = one("[data-until]");
    // A reader's clock may be wrong: what is left is counted from the server's time.
    const ahead = Date.now() - Date.parse(left.dataset.now);
    let ends;
    let warned;

    // Out of the document, not only out of sight: software must not read it either.
    const remove = () => {
      clearInterval(ticking);
      pass.replaceChildren();
      pass.remove();
      one("[data-after]").hidden = false;
    };
    const hide = () => {
      if (!pass.isConnected) return;
      remove();
      say(said.hidden);
      one("h1").focus();
    };
    const restart = () => {
      ends = Date.now() + SHOWN_FOR * 1000;
      warned = false;
      tick();
    };
    const tick = () => {
      const remaining = Math.ceil((ends - Date.now()) / 1000);
      const lives = Date.parse(left.dataset.until) - (Date.now() - ahead);
      if (remaining <= 0 || lives <= 0) return hide();
      seconds.textContent = remaining;
      timer.classList.toggle("warns", remaining <= WARN_AT);
      if (remaining <= WARN_AT && !warned) {
        warned = true;
        say(said.warning);
      }
      const minutes = Math.floor(lives / 60000);
      left.textContent = minutes > 1 ? left.dataset.many.replace("{minutes}", minutes) : left.dataset.one;
    };
    const ticking = setInterval(tick, 500);

    one("[data-hide]").addEventListener("submit", (event) => {
      event.preventDefault();
      hide();
    });
    keep.addEventListener("click", () => {
      restart();
      say(said.kept);
    });
    copy.addEventListener("click", () => {
      const value = one(".passcode").textContent;
      navigator.clipboard.writeText(value).then(
        () => say(said.copied),
        () => say(said.copyFailed),
      );
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") hide();
    });
    addEventListener("pagehide", hide);
    addEventListener("pageshow", (event) => {
      if (event.persisted) hide();
    });

    keep.hidden = false;
    timer.hidden = false;
    copy.hidden = !navigator.clipboard;
    restart();
    one("h1").focus();
    setTimeout(() => pass.isConnected && say(said.said), 100); // after the heading was read
  }
})();
