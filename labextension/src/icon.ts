import { LabIcon } from '@jupyterlab/ui-components';

/** A speech bubble with a prompt in it. */
export const icon = new LabIcon({
  name: 'codeassist-jupyter:icon',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" fill-rule="evenodd"
    d="M4 3h16a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2h-8l-5 4v-4H4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zm0
       2v11h16V5H4zm2.4 2L10 10.500 6.400 14 5 12.600l2.100-2.100L5 8.400 6.400 7zM11 12h6v2h-6v-2z"/>
</svg>`
});

export const goodIcon = thumb('good', 0);
export const badIcon = thumb('bad', 180);

function thumb(name: string, turned: number): LabIcon {
  return new LabIcon({
    name: `codeassist-jupyter:${name}`,
    svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" transform="rotate(${turned} 12 12)"
    d="M3 11h4v10H3V11zm6 10V11l4-8h1l1 2-1 5h7v3l-3 8H9z"/>
</svg>`
  });
}
