/** A live chart of some lines over the last minutes. What it shows now stands above it in words, for whoever sees no chart. */
import { useEffect, useRef } from 'preact/hooks';
import type { JSX } from 'preact';
import uPlot from 'uplot';
import type { SampleOrGap } from './watch-node.ts';
import type { Sample } from './readings.ts';
import { useStore, type Store } from './store.ts';

export interface ChartLine {
  readonly label: string;
  /** Of a sample; null: nothing is known. */
  readonly of: (sample: Sample) => number | null;
}

export interface ChartAbout {
  readonly title: string;
  readonly lines: readonly ChartLine[];
  readonly print: (value: number | null) => string;
}

const colours = ['--line-1', '--line-2', '--line-3', '--line-4', '--line-5'] as const;
/** What is shown grows with what is known, between these. */
const shownMsMin = 60_000;
const shownMsMax = 300_000;

export function Chart({
  about,
  samples,
  theme,
}: {
  readonly about: ChartAbout;
  readonly samples: readonly SampleOrGap[];
  readonly theme: Store<unknown>;
}): JSX.Element {
  const { title, lines, print } = about;
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const look = useStore(theme);
  const names = lines.map(({ label }) => label).join();
  useEffect(() => {
    const parent = frame.current;
    if (parent === null) return undefined;
    const made = new uPlot(optionsOf(lines, parent, print), dataOf(lines, samples), parent);
    chart.current = made;
    const resized = new ResizeObserver(() => made.setSize(sizeOf(parent)));
    resized.observe(parent);
    return () => {
      resized.disconnect();
      made.destroy();
    };
  }, [names, look]);
  useEffect(() => {
    const last = samples.at(-1)?.at.getTime() ?? Date.now();
    const known = last - (samples[0]?.at.getTime() ?? last);
    const shownMs = Math.min(shownMsMax, Math.max(shownMsMin, known));
    chart.current?.setData(dataOf(lines, samples), false);
    chart.current?.setScale('x', { min: (last - shownMs) / 1_000, max: last / 1_000 });
  }, [samples, names, look]);
  const newest = samples.at(-1);
  return (
    <figure class="chart card">
      <figcaption>
        <span class="title">{title}</span>
        {lines.map(({ label, of }, at) => (
          <span key={label} class="now">
            <i class={`dot dot-${at + 1}`} />
            {label} <b>{newest === undefined || 'gap' in newest ? '–' : print(of(newest))}</b>
          </span>
        ))}
      </figcaption>
      <div ref={frame} class="plot" aria-hidden="true" />
    </figure>
  );
}

function dataOf(lines: readonly ChartLine[], samples: readonly SampleOrGap[]): uPlot.AlignedData {
  const at = samples.map((sample) => sample.at.getTime() / 1_000);
  return [at, ...lines.map(({ of }) => samples.map((sample) => ('gap' in sample ? null : of(sample))))];
}

const sizeOf = ({ clientWidth, clientHeight }: HTMLElement) => ({ width: clientWidth, height: clientHeight });

/** As the canvas takes it: of the light or the dark side of a name, whichever shows. */
function colourIn(parent: HTMLElement, name: string): string {
  const probe = parent.appendChild(document.createElement('i'));
  probe.style.color = `var(${name})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function optionsOf(lines: readonly ChartLine[], parent: HTMLElement, print: ChartAbout['print']): uPlot.Options {
  const colour = (name: string): string => colourIn(parent, name);
  const sans = getComputedStyle(document.body).fontFamily;
  const axis = {
    stroke: colour('--faint'),
    font: `11px ${sans}`,
    grid: { stroke: colour('--grid'), width: 1 },
    ticks: { show: false },
  } as const;
  return {
    ...sizeOf(parent),
    padding: [8, 14, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { auto: false }, y: { range: (_chart, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      {
        ...axis,
        size: 22,
        space: 70,
        values: (_chart, at) => at.map((seconds) => clockText(new Date(seconds * 1_000))),
      },
      { ...axis, size: 52, space: 30, values: (_chart, values) => values.map((value) => print(value)) },
    ],
    series: [
      {},
      ...lines.map(({ label }, at) => {
        const stroke = colour(colours[at % colours.length] ?? colours[0]);
        return {
          label,
          stroke,
          width: 1.5,
          points: { show: false },
          ...(at === 0 ? { fill: stroke.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.13)') } : {}),
        };
      }),
    ],
  };
}

const two = (count: number): string => String(count).padStart(2, '0');
/** As exact as there is room. */
const clockText = (at: Date): string =>
  at.getSeconds() === 0 ? `${two(at.getHours())}:${two(at.getMinutes())}` : `:${two(at.getSeconds())}`;
