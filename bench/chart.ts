import { number, results, type Report } from './report.ts';

const WIDTH = 760;
const LABELS = 130;
const ROW = 20;
const GAP = 34;

/**
 * Bars of CPU per request as a multiple of the reference's, one group per load: the two small ones, where overhead
 * shows. Readable on light and dark pages.
 */
export function chart(report: Report): string {
  const all = results(report);
  const loads = report.loads.filter(({ key }) => key === 'get' || key === 'post');
  const shown = loads.length > 0 ? loads : report.loads.slice(0, 1);
  const most = Math.max(
    ...all.filter(({ load }) => shown.some(({ name }) => name === load)).map(({ ratio }) => ratio.high),
  );
  const scale = (value: number): number => (value / most) * (WIDTH - LABELS - 80);
  const parts: string[] = [];
  let y = 24;
  for (const { name: load } of shown) {
    parts.push(
      `<text x="0" y="${y}" class="head">${escape(load)}: CPU per request, × ${escape(report.reference)} (line: quartiles)</text>`,
    );
    y += 12;
    for (const { contender, ratio } of all.filter((one) => one.load === load)) {
      const reference = contender === report.reference;
      const [low, median, high] = reference ? [1, 1, 1] : [ratio.low, ratio.median, ratio.high];
      const middle = y + ROW / 2;
      parts.push(`<text x="${LABELS - 8}" y="${middle + 4}" text-anchor="end">${escape(contender)}</text>`);
      parts.push(
        `<rect x="${LABELS}" y="${y + 3}" width="${scale(median).toFixed(1)}" height="${ROW - 6}" class="${contender.startsWith('tokenward') ? 'ours' : 'other'}"/>`,
      );
      if (!reference)
        parts.push(
          `<line x1="${(LABELS + scale(low)).toFixed(1)}" x2="${(LABELS + scale(high)).toFixed(1)}" y1="${middle}" y2="${middle}" class="spread"/>`,
        );
      parts.push(
        `<text x="${(LABELS + scale(high) + 8).toFixed(1)}" y="${middle + 4}">${reference ? '1' : number(median, median < 10 ? 2 : 1)}</text>`,
      );
      y += ROW;
    }
    y += GAP;
  }
  const height = y - GAP + 34;
  const caption = `${report.machine.cpus} CPUs, ${report.machine.model}; Linux ${report.machine.kernel.split('-', 1)[0]!}; Node ${report.machine.node}; ${report.rounds} paired rounds; ${report.startedAt.slice(0, 10)}`;
  parts.push(`<text x="0" y="${height - 8}" class="small">${escape(caption)}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="CPU per request beside others">
<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.head { font-weight: 600; } .small { font-size: 11px; fill: #59636e; }
.ours { fill: #0969da; } .other { fill: #8c959f; } .spread { stroke: #1f2328; stroke-width: 2; }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .small { fill: #9198a1; } .other { fill: #6e7681; } .ours { fill: #4493f8; } .spread { stroke: #e6edf3; } }
</style>
${parts.join('\n')}
</svg>
`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
