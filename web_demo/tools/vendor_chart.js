/** The chart library: `tools/vendor.mjs` bundles this to vendor/chart.js, which js/app/widgets/chart.js imports. */
export {default as UPlot} from 'uplot';
