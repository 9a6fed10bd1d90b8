"""How much of the score is noise: every performance against itself filmed otherwise, and against every other one."""
