// Stands in for Node's own modules, which TF.js and face-api import but never use in a browser.
