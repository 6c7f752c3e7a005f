# SPDX-License-Identifier: MIT
# plot.gp - the picture of the fork-join programs.  Variables: dir, where
# columns.awk has left its files, and svg, the file to write.

set terminal svg size 1100,900 dynamic background '#ffffff' font 'sans,12'
set output svg
workers = system("cat " . dir . "/workers")
columns = int(system("head -n 1 " . dir . "/programs | grep -o '\"' | wc -l")) / 2
set datafile missing '-'
set grid ytics lc '#cccccc'
set key noenhanced outside bottom center horizontal
set multiplot layout 2,1 title system("cat " . dir . "/title") noenhanced \
	font 'sans,10'

set title "Programs with " . workers . " workers: times the sequential time" \
	. " (lower is better; logarithmic)"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set logscale y
set yrange [0.3:*]
set arrow from graph 0, first 1 to graph 1, first 1 nohead lc '#444444' dt 2
set xtics noenhanced
plot for [i = 2 : columns + 1] dir . "/programs" using i:xtic(1) \
	title columnheader(i)

set title "A loop of fork, call and join, " . workers . " workers:" \
	. " times the sequential time, by the length of a body"
set logscale x
set format x '%.0s%c'
set xrange [1:*]
set xlabel "ns per body, about (1: nothing)"
set style data linespoints
set key off
plot for [i = 2 : columns + 1] dir . "/flat" using 1:i lw 2 pt 7 ps 0.5
unset multiplot
