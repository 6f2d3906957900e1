/* Passkeys. Without this, no button for them is shown. */
(function () {
  "use strict";
  /* A form, or a part of one that asks for something else, too. */
  var places = document.querySelectorAll("[data-passkey]");
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  function toBytes(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (sign) { return sign.charCodeAt(0); });
  }

  function toText(buffer) {
    var plain = "";
    new Uint8Array(buffer).forEach(function (byte) { plain += String.fromCharCode(byte); });
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  function read(place) {
    var options = JSON.parse(place.getAttribute("data-options"));
    var named = (options.allowCredentials || []).concat(options.excludeCredentials || []);
    named.forEach(function (one) { one.id = toBytes(one.id); });
    options.challenge = toBytes(options.challenge);
    if (options.user) {
      options.user.id = toBytes(options.user.id);
      name(place, options.user);
    }
    return options;
  }

  /* What the person typed is how the authenticator calls the passkey. */
  function name(place, user) {
    var ids = (place.getAttribute("data-names") || "").split(" ");
    ["name", "displayName"].forEach(function (what, n) {
      var field = document.getElementById(ids[n]);
      if (field && field.value.trim()) user[what] = field.value.trim();
    });
  }

  /* What the authenticator said, as the server reads it. */
  function write(credential) {
    var said = credential.response;
    var response = {};
    ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]
      .forEach(function (name) { if (said[name]) response[name] = toText(said[name]); });
    return JSON.stringify({
      id: credential.id, rawId: toText(credential.rawId), type: credential.type, response: response
    });
  }

  function prepare(place) {
    var form = place.closest("form");
    var button = place.querySelector("button");
    var isNew = place.getAttribute("data-passkey") === "create";
    var again = place.getAttribute("data-again");
    var password = document.getElementById(place.getAttribute("data-instead-of"));
    var keep = document.getElementById("keep");
    var since = Date.now();
    var waiting = null;

    function isLate() {
      return Date.now() - since > 1000 * place.getAttribute("data-begins");
    }

    /* Where there is a password as well, one of both is sent. */
    function choose(passkey) {
      if (!password) return;
      password.disabled = passkey;
      form.elements.credential.disabled = !passkey;
    }

    function send(credential) {
      var copy = form.elements.keep;
      choose(true);
      form.elements.credential.value = write(credential);
      if (keep && copy && copy !== keep) copy.disabled = !keep.checked;
      form.submit();
    }

    /* A challenge is valid for some minutes only: another one, from the same page. */
    function renew() {
      return fetch(again, { credentials: "same-origin" })
        .then(function (answer) { return answer.text(); })
        .then(function (html) {
          var page = new DOMParser().parseFromString(html, "text/html");
          var other = page.querySelector("[data-passkey]");
          place.setAttribute("data-options", other.getAttribute("data-options"));
          form.elements.challenge.value = other.querySelector("[name=challenge]").value;
          since = Date.now();
        });
    }

    function stop() {
      if (waiting) waiting.abort();
      waiting = null;
    }

    /* The browser offers passkeys in the list below the field for the name. */
    function offer() {
      var field = document.querySelector("input[autocomplete~=webauthn]");
      var can = PublicKeyCredential.isConditionalMediationAvailable;
      if (isNew || !field || !can) return;
      can.call(PublicKeyCredential).then(function (available) {
        if (!available || waiting) return;
        var mine = waiting = new AbortController();
        var options = { publicKey: read(place), mediation: "conditional", signal: mine.signal };
        navigator.credentials.get(options).then(send, function () {
          if (waiting === mine) waiting = null;
        });
      });
    }

    function ask() {
      var options = { publicKey: read(place) };
      return isNew ? navigator.credentials.create(options) : navigator.credentials.get(options);
    }

    function say(what) {
      Array.prototype.forEach.call(place.querySelectorAll("[data-says]"), function (text) {
        text.hidden = text.getAttribute("data-says") !== what;
      });
    }

    function fail(error) {
      button.disabled = false;
      say(error && error.name === "InvalidStateError" ? "known" : "failed");
      offer();
    }

    button.addEventListener("click", function () {
      /* The server decides whether there may be a new passkey now, and shows the page again. */
      if (isNew && !again && (isLate() || !place.hasAttribute("data-options"))) {
        form.submit();
        return;
      }
      button.disabled = true;
      say(null);
      stop();
      (isLate() ? renew().then(ask) : ask()).then(send, fail);
    });
    window.addEventListener("pageshow", function () {
      button.disabled = false;
      choose(false);
    });
    setInterval(function () {
      if (isNew || !waiting || document.hidden || !isLate()) return;
      stop();
      renew().then(offer, offer);
    }, 10000);
    place.hidden = false;
    offer();
  }

  Array.prototype.forEach.call(places, prepare);
})();
