/** `lockstep config`: what commands are told beside their words, and by whom. */
import { bearerGiven, bearerVariable, readSettings, settingNames, settings, type Setting } from './settings.ts';
import { columns } from './help.ts';
import { jsonText } from './print-json.ts';

/** Secrets are not shown. */
export async function showConfig({ json }: { readonly json: boolean }): Promise<number> {
  const found = await readSettings();
  const bearer: Setting = { value: bearerGiven() === undefined ? 'none' : 'set', source: bearerVariable };
  if (json) {
    const given = Object.fromEntries(settingNames.map((name) => [name, found.get(name) ?? null]));
    console.log(jsonText({ ...given, bearer }));
    return 0;
  }
  const rows = settingNames.map((name): readonly [string, string] => {
    const setting = found.get(name);
    return [name, setting === undefined ? `${settings[name].default} (default)` : shown(setting)];
  });
  console.log(columns([...rows, ['bearer', shown(bearer)]]).join('\n'));
  return 0;
}

const shown = ({ value, source }: Setting): string => `${value} (${source})`;
