// The rules for style sheets that pages load.
export default {
  extends: ["stylelint-config-standard"],
  reportNeedlessDisables: true,
  rules: { "declaration-no-important": true },
};
