// Stands in for Node's own modules, which TF.js imports but never uses in a browser.
