// The connection to the service: events as they come, samples as they come, and questions.
// What is lost comes back by itself: both streams connect again, and beats that were missed are fetched.

const STALE_MS = 6000;

export class Refused extends Error {}

export async function ask(path) {
  const answer = await fetch(path, { headers: { accept: "application/json" } });
  if (answer.status === 401) throw new Refused("401");
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

export async function post(path, what) {
  return fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(what) });
}

export class Link extends EventTarget {
  constructor() {
    super();
    this.heard = 0; // when the service last said something
    this.cursor = null;
    this.wanted = {};
    this.pause = 500;
  }

  open() {
    this.listen();
    this.connect();
  }

  get stale() {
    return this.events?.readyState !== EventSource.OPEN || performance.now() - this.heard > STALE_MS;
  }

  listen() {
    this.events?.close();
    const since = this.cursor === null ? "" : `?since=${encodeURIComponent(this.cursor)}`;
    this.events = new EventSource(`/api/stream${since}`);
    const kinds = ["ward", "patient", "gone", "beat", "event", "rhythm", "alert", "st", "tick", "lost"];
    for (const kind of kinds) {
      this.events.addEventListener(kind, (message) => {
        this.heard = performance.now();
        if (message.lastEventId) this.cursor = message.lastEventId;
        this.tell(kind, JSON.parse(message.data));
      });
    }
    this.events.onerror = () => {
      this.tell("trouble");
      if (this.events.readyState !== EventSource.CLOSED) return; // it connects again by itself
      setTimeout(() => this.listen(), 2000);
      this.tell("refused");
    };
  }

  connect() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/samples`);
    this.socket = socket;
    socket.onopen = () => {
      this.pause = 500;
      this.tell("opened");
      socket.send(JSON.stringify({ patients: this.wanted }));
    };
    socket.onmessage = (message) => {
      for (const line of message.data.split("\n")) {
        if (!line) continue;
        const what = JSON.parse(line);
        this.tell(what.type, what);
      }
    };
    socket.onclose = () => {
      setTimeout(() => this.connect(), this.pause * (0.75 + Math.random() / 2));
      this.pause = Math.min(10000, 2 * this.pause);
    };
  }

  // Says whose samples are looked at, in place of what was said before.
  want(patients) {
    const text = JSON.stringify(patients);
    if (text === JSON.stringify(this.wanted)) return;
    this.wanted = patients;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ patients }));
  }

  tell(kind, what) {
    this.dispatchEvent(new CustomEvent(kind, { detail: what }));
  }
}
