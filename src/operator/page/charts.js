import { byId, el, setAttribute, setText, show, svg } from './dom.js';

/*
 * An hour as a small chart: sixty places, one for each minute. A library would bring axes, zoom and a canvas that no
 * screen reader sees; these are two shapes and a tooltip.
 */

const MINUTE = 60_000;
const PLACES = 60;
const WIDTH = PLACES * 4;
const HEIGHT = 36;

/** The last sixty minutes, each with its record or undefined. */
export function hour(minutes, now) {
  const last = Math.floor(now / MINUTE) * MINUTE;
  const byTime = new Map(minutes.map((minute) => [minute.at, minute]));
  return Array.from({ length: PLACES }, (_, index) => {
    const at = last - (PLACES - 1 - index) * MINUTE;
    return { at, minute: byTime.get(at) };
  });
}

/** A chart with its name, its present value and its shapes. `layers`: class names from the bottom up. */
export function chart(name, layers) {
  const value = el('b');
  const note = el('small');
  const paths = layers.map((layer) => svg('path', { class: layer }));
  const mark = svg('rect', { class: 'mark', y: 0, width: 4, height: HEIGHT, visibility: 'hidden' });
  const picture = svg(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' },
    svg('path', { class: 'base', d: `M0 ${HEIGHT - 0.5}H${WIDTH}` }),
    mark,
    ...paths,
  );
  const node = el('figure', { class: 'chart' }, el('figcaption', {}, el('span', {}, name), value, note), picture);
  let places = [];
  let tell = () => '';
  picture.addEventListener('pointermove', (event) => {
    const box = picture.getBoundingClientRect();
    const index = Math.min(PLACES - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * PLACES)));
    const place = places[index];
    if (place === undefined) return;
    setAttribute(mark, 'x', index * 4 - 0.5);
    setAttribute(mark, 'visibility', 'visible');
    showTip(event, `${clock(place.at)}  ${tell(place.minute)}`);
  });
  picture.addEventListener('pointerleave', () => {
    setAttribute(mark, 'visibility', 'hidden');
    show(byId('tip'), false);
  });
  node.update = (data) => {
    places = data.places;
    tell = data.tell;
    setText(value, data.value);
    setText(note, data.note ?? '');
    setAttribute(picture, 'aria-label', `${name} over the last hour. ${data.label}`);
    data.shapes.forEach((shape, index) => setAttribute(paths[index], 'd', shape));
  };
  return node;
}

/** Bars upon one another. `values`: for each layer a function of the minute. */
export function bars(places, values, least = 1) {
  const totals = places.map(({ minute }) => (minute ? values.reduce((sum, value) => sum + value(minute), 0) : 0));
  const most = Math.max(least, ...totals);
  const tops = places.map(() => HEIGHT);
  return values.map((value) =>
    places
      .map(({ minute }, index) => {
        const height = minute ? (value(minute) / most) * (HEIGHT - 2) : 0;
        if (height === 0) return '';
        const bottom = tops[index];
        // What happened once in a busy minute is seen all the same.
        tops[index] = Math.max(0, bottom - Math.max(height, 1.5));
        return `M${index * 4} ${bottom.toFixed(1)}V${tops[index].toFixed(1)}h3V${bottom.toFixed(1)}z`;
      })
      .join(''),
  );
}

/** Lines with gaps where there is no value. The first is drawn as an area. */
export function lines(places, values) {
  const all = places.flatMap(({ minute }) => (minute ? values.map((value) => value(minute) ?? 0) : []));
  const most = Math.max(1, ...all);
  const y = (value) => (HEIGHT - 1 - (value / most) * (HEIGHT - 3)).toFixed(1);
  return values.map((value, order) => {
    const runs = [];
    let run;
    places.forEach(({ minute }, index) => {
      const at = minute && value(minute);
      if (at === undefined) run = undefined;
      else if (run === undefined)
        runs.push(
          (run = [
            [index * 4, y(at)],
            [index * 4 + 3, y(at)],
          ]),
        );
      else run.push([index * 4 + 1.5, y(at)], [index * 4 + 3, y(at)]);
    });
    return runs
      .map((points) => {
        const line = points.map(([x, height]) => `${x} ${height}`).join('L');
        return order === 0 ? `M${points[0][0]} ${HEIGHT}L${line}L${points.at(-1)[0]} ${HEIGHT}z` : `M${line}`;
      })
      .join('');
  });
}

/** A tooltip beside the pointer. */
export function showTip({ clientX, clientY }, text) {
  const tip = byId('tip');
  setText(tip, text);
  show(tip, true);
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(innerWidth - width - 8, clientX + 12))}px`;
  tip.style.top = `${Math.max(8, clientY - height - 12)}px`;
}

function clock(at) {
  return new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false });
}
