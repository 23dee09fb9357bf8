"use strict";
const pick = (id) => document.getElementById(id);
const list = pick("cards"), view = pick("view"), cards = [...list.children];
const values = new Map(cards.map((c) => [c, JSON.parse(c.dataset.values)]));
const chosen = (id) => pick(id)?.value ?? "";
const shown = () => [...list.children].filter((card) => !card.hidden);
let open = null;

// A number of the layer that is shown, or the only one; NaN is null.
function number(card, key) {
  const numbers = values.get(card)[key] ?? [null];
  return numbers.length > 1 ? numbers[Number(chosen("layer"))] : numbers[0];
}

function compare(a, b) {
  const [key, order] = chosen("sort").split("|");
  const [x, y] = [number(a, key), number(b, key)];
  if (x === null || y === null)  // without a number: behind all others
    return (x === null) - (y === null) || a.dataset.index - b.dataset.index;
  return (order === "high" ? y - x : x - y) || a.dataset.index - b.dataset.index;
}

function update() {
  for (const card of cards)
    card.hidden = ["outcome", "truth", "answer"].some(
      (id) => chosen(id) !== "" && chosen(id) !== card.dataset[id]);
  for (const part of document.querySelectorAll("[data-layer]"))
    part.hidden = part.dataset.layer !== (chosen("layer") || "0");
  list.append(...cards.sort(compare));
  pick("count").textContent = `${shown().length} of ${cards.length} images`;
}

function enlarge(card) {
  open = card;
  view.replaceChildren();
  const pictures = view.appendChild(document.createElement("div"));
  pictures.className = "pictures";
  view.className = card.className;
  for (const image of card.querySelectorAll("img")) {
    const figure = pictures.appendChild(document.createElement("figure"));
    const copy = figure.appendChild(image.cloneNode());
    copy.removeAttribute("data-layer");
    copy.hidden = false;
    const about = card.querySelector(
      `.numbers[data-layer="${image.dataset.layer}"]`);
    figure.appendChild(document.createElement("figcaption")).textContent =
      about ? `${image.alt}: ${about.textContent}` : image.alt;
  }
  for (const part of card.querySelectorAll(".answer"))
    view.append(part.cloneNode(true));
  const help = view.appendChild(document.createElement("p"));
  help.className = "pale";
  help.textContent = "← → the next image, Esc closes";
  if (!view.open) view.showModal();
}

// How far an arrow goes: one card, or a row of them.
function step(key, all) {
  const columns = all.filter((c) => c.offsetTop === all[0].offsetTop).length;
  return { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns,
    ArrowDown: columns, Home: -all.length, End: all.length }[key];
}

document.addEventListener("keydown", (event) => {
  const card = view.open ? open : event.target.closest("#cards > li");
  const all = shown(), far = step(event.key, all.length ? all : cards);
  if (!card || far === undefined) return;
  event.preventDefault();
  const at = Math.max(0, Math.min(all.length - 1, all.indexOf(card) + far));
  all[at].querySelector("button").focus();
  if (view.open) enlarge(all[at]);
});
list.addEventListener("click", (event) => {
  const card = event.target.closest("li");
  if (card) enlarge(card);
});
view.addEventListener("click", (event) => {
  if (event.target === view) view.close();
});
view.addEventListener("close", () => open.querySelector("button").focus());
pick("controls").addEventListener("change", update);
pick("controls").hidden = false;
update();
