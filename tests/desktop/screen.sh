# shellcheck shell=bash
# A virtual screen with a window manager, and eyes and hands for the one window on it. run.sh reads this file; it sets
# `work`, the folder of everything that is written here, and `pictures`, where screenshots are kept.

children=()
# Where it is said why the test fails.
exec 4>&2
window=
shots=0
awaiting=0

# The theme's colours that say what is where (src/ui/theme.rs, dark): selection, warnings, ground of chosen items and
# filled parts of sliders, outline of buttons.
accent='rgb(255,179,71)'
warn='rgb(236,196,92)'
filled='rgb(45,82,122)'
edge='rgb(84,91,102)'

step() { printf 'desktop: %s (%s s)\n' "$*" "$SECONDS"; }

# Ends the test, and says once why: steps that are under way end with it.
fail() {
  trap - ERR
  [[ -e $work/failed ]] && exit 1
  touch "$work/failed"
  # What a step says on its way may go nowhere.
  exec >&4
  printf 'desktop: %s\n' "$*"
  if [[ -n $window ]]; then printf 'desktop: the screen at that moment: %s\n' "$(shoot failed)"; fi
  if [[ -s ${window_log:-} ]]; then
    printf 'desktop: what the window wrote: %s\n' "$window_log"
    tail -n 20 "$window_log"
  fi
  if [[ -s $work/log ]]; then
    printf 'desktop: its log as it was last read: %s\n' "$work/log"
    cat "$work/log"
  fi
  exit 1
}

# Ends what was started here, the last first, and nothing else.
tidy() {
  local child
  for ((child = ${#children[@]} - 1; child >= 0; child--)); do
    kill "${children[child]}" 2>/dev/null || true
    wait "${children[child]}" 2>/dev/null || true
  done
  if [[ -e $work/failed ]]; then
    printf 'desktop: everything is kept in %s\n' "$work" >&2
  else
    rm -rf "$work"
  fi
}

# await SECONDS WORDS [!] COMMAND...: until the command succeeds, or with ! until it no longer does.
await() {
  local until=$((SECONDS + $1)) words=$2 due=0 came awaiting=1
  shift 2
  if [[ $1 == ! ]]; then due=1 && shift; fi
  while true; do
    came=0
    "$@" 2>/dev/null || came=1
    ((came != due)) || break
    [[ ! -e $work/failed ]] || exit 1
    is_alive || fail "the window has gone while it was waited for: $words"
    ((SECONDS < until)) || fail "in vain waited for: $words"
    sleep 0.05
  done
}

is_alive() { [[ -z ${window_id:-} ]] || kill -0 "$window_id" 2>/dev/null; }

# A display that nobody uses, and a window manager on it. The screen is larger than the window with its frame.
start_screen() {
  Xvfb -displayfd 3 -screen 0 1600x1000x24 -nolisten tcp 3>"$work/display" 2>"$work/xvfb.log" &
  children+=($!)
  await 20 'a virtual screen' ends_in_a_line "$work/display"
  DISPLAY=:$(<"$work/display")
  export DISPLAY
  await 20 'an answer of the virtual screen' answers
  unset WAYLAND_DISPLAY DBUS_SESSION_BUS_ADDRESS
  openbox >"$work/openbox.log" 2>&1 &
  children+=($!)
  await 20 'a window manager' manages_windows
}

ends_in_a_line() { (($(wc -l <"$1") == 1)); }

answers() { xdotool getdisplaygeometry >/dev/null; }

manages_windows() { xdotool get_desktop >/dev/null; }

# start_window PROGRAM...: without anything on its PATH that could open a file dialog.
start_window() {
  window_log=$work/window.log
  env PATH="$work/nothing" "$@" >>"$window_log" 2>&1 &
  window_id=$!
  children+=($!)
  await 60 'a window' finds_window
  xdotool windowactivate --sync "$window"
  # Whatever size the window begins with: what is looked at below lies in 1440×900.
  xdotool windowsize --sync "$window" 1440 900
  await 60 'a first frame' is_painted
}

finds_window() {
  window=$(xdotool search --onlyvisible --name '^Stillroom' | head -n 1)
  [[ -n $window ]]
}

is_painted() { (($(import -window "$window" -format '%k' info:) > 20)); }

# ---- eyes

# shoot NAME: keeps a picture of the whole screen and says where.
shoot() {
  shots=$((shots + 1))
  local file
  file=$(printf '%s/%02d-%s.png' "$pictures" "$shots" "$1")
  import -window root "$file"
  echo "$file"
}

# glance [GEOMETRY]: what a part of the window looks like, as a short text that is equal for equal pixels.
glance() { import -window "$window" -crop "${1:-1440x900+0+0}" +repage -format '%#' info:; }

looks_like() { [[ $(glance "$1") == "$2" ]]; }

looks_otherwise() { [[ $(glance "$1") != "$2" ]]; }

# Whether nothing moves there any more.
rests() {
  local before
  before=$(glance "$1")
  sleep 0.3
  looks_like "$1" "$before"
}

# boxes COLOUR GEOMETRY: the connected parts of a colour within a part of the window, a line each: X Y WIDTH HEIGHT AREA
# in the window's pixels, from the top to the bottom.
boxes() {
  local left=${2#*+} top=${2##*+}
  left=${left%%+*}
  import -window "$window" -crop "$2" +repage png:- | convert - -fill black +opaque "$1" -fill white -opaque "$1" \
    -define connected-components:verbose=true -connected-components 8 null: |
    awk -v left="$left" -v top="$top" '/(255,255,255)|gray\(255\)|white/ {
      split($2, at, /[x+]/); print at[3] + left, at[4] + top, at[1], at[2], $4 }' | sort -k2n -k1n
}

# buttons GEOMETRY: what is outlined as buttons and fields are, as boxes. Only the upper and lower line of an outline have
# its very colour; the corners are round.
buttons() {
  boxes "$edge" "$1" | awk '$4 < 4 {
    at = $1 " " $3
    if (at in top && $2 - top[at] > 14 && $2 - top[at] < 32) print $1, top[at], $3, $2 - top[at]
    top[at] = $2 }'
}

# The frames of selected tiles in the grid of patches.
frames() { boxes "$accent" "$patches" | awk '$3 > 30 && $4 > 30 && $3 / $4 < 1.2 && $4 / $3 < 1.2'; }

shows_frames() { (($(frames | wc -l) == $1)); }

# ---- hands

keys() { xdotool key --clearmodifiers "$@"; }

write() { xdotool type --clearmodifiers --delay 6 -- "$1"; }

# press X Y [BUTTON]: a click in the window, as long as a finger's.
press() {
  xdotool mousemove --window "$window" "$1" "$2" mousedown "${3:-1}" sleep 0.05 mouseup "${3:-1}"
}

# press_with KEY X Y WORDS COMMAND...: holds the key until the command sees what the click did.
press_with() {
  xdotool keydown "$1"
  press "$2" "$3"
  await 10 "${@:4}"
  xdotool keyup "$1"
}

# drag X Y TO_X TO_Y: in several moves, and until something is seen of it, as a hand does.
drag() {
  local i still
  xdotool mousemove --window "$window" "$1" "$2" mousedown 1 sleep 0.2
  still=$(glance)
  for i in 1 2 3 4 5 6; do
    xdotool mousemove --window "$window" $(($1 + ($3 - $1) * i / 6)) $(($2 + ($4 - $2) * i / 6)) sleep 0.03
  done
  await 10 'an effect of the drag' looks_otherwise '' "$still"
  xdotool mouseup 1
}

# ---- the clipboard

# copied COMMAND...: what the command puts on the clipboard.
copied() {
  printf 'nothing yet' | xclip -selection clipboard -in >/dev/null 2>&1
  "$@"
  await 10 "something on the clipboard by: $*" has_copied
  xclip -selection clipboard -out
}

has_copied() {
  local text
  text=$(timeout 2 xclip -selection clipboard -out) && [[ $text != 'nothing yet' ]]
}

# ---- the window's own ways

# palette WORDS: the first command that answers them.
palette() {
  local before
  before=$(glance 60x8+0+0)
  await 10 'the palette over a dimmed window' opens_palette "$before"
  write "$1"
  keys Return
  await 10 'an end of the palette' looks_like 60x8+0+0 "$before"
}

# The keys may come while a menu closes or a job begins; then a person presses them again.
opens_palette() {
  local until=$((SECONDS + 3))
  keys ctrl+k
  until looks_otherwise 60x8+0+0 "$1"; do
    ((SECONDS < until)) || return 1
    sleep 0.05
  done
}

# The window's log as text.
log() {
  copied palette 'copy log' | grep -v 'copied the log' >"$work/log.new"
  mv "$work/log.new" "$work/log"
  cat "$work/log"
}

# logged PATTERN: whether a line of the log, behind those that were marked as read, has it.
logged() { log | tail -n +"$((${log_read:-0} + 1))" | grep -Eq -- "$1"; }

# From here on only new lines count.
log_is_read() { log_read=$(log | wc -l); }
