#!/usr/bin/env bash
# A session in a real window, as a person has it: on a virtual screen under a window manager, with the mouse, the keys and
# the clipboard. CIFAR-10 is distilled and curated, the set is exported, and what the window wrote is compared with
# what the command line writes for the command that was copied from the window.
#
#   tests/desktop/run.sh STILLROOM CIFAR10 WEIGHTS [PICTURES]
#
# STILLROOM is the program, CIFAR10 a folder with {train,test}/<class>/, WEIGHTS a ResNet-20's file for it. Screenshots go to
# PICTURES; on a failure the last one and the window's log are named and kept. Needs Xvfb, openbox, xdotool, xclip,
# imagemagick, jq, and a Vulkan driver, for which Mesa's software one will do.
set -eEuo pipefail

(($# == 3 || $# == 4)) || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
stillroom=$(realpath "$1")
work=$(mktemp -d "${TMPDIR:-/tmp}/stillroom-desktop.XXXXXX")
pictures=${4:-$work/pictures}
mkdir -p "$pictures"
pictures=$(realpath "$pictures")
# The set is suggested beside the data: links keep everything that is written below $work.
data=$work/cifar10
weights=$work/resnet20.th
ln -s "$(realpath "$2")" "$data"
ln -s "$(realpath "$3")" "$weights"

# shellcheck source=tests/desktop/screen.sh
source "$(dirname "$0")/screen.sh"
trap tidy EXIT
trap '((awaiting)) || fail "line $LINENO: $BASH_COMMAND"' ERR
trap 'fail "interrupted"' INT TERM

export HOME=$work/home XDG_RUNTIME_DIR=$work/runtime XDG_DATA_HOME=$work/home/data XDG_CONFIG_HOME=$work/home/config
export XDG_CACHE_HOME=$work/home/cache
mkdir -p "$HOME" "$XDG_DATA_HOME" "$XDG_CONFIG_HOME" "$XDG_CACHE_HOME" "$work/nothing"
mkdir -m 700 "$XDG_RUNTIME_DIR"
lavapipe=$(find /usr/share/vulkan/icd.d -name 'lvp_icd*.json' 2>/dev/null | head -n 1)
[[ -n $lavapipe ]] && export VK_DRIVER_FILES=$lavapipe VK_ICD_FILENAMES=$lavapipe
project=$XDG_DATA_HOME/stillroom/default

# Parts of the window, which is 1440×900: X and Y are where egui lays them out, with some room.
top_left=370x400+0+70
bottom_left=370x400+0+480
patches=590x470+376+70
right_column=470x620+968+70

# ---- what the steps ask

# Whether the state that the window keeps with its project answers.
keeps() { jq -e "$1" "$project/window.json" >/dev/null; }

has_selected() { keeps "[.selected.images[][]] | length == $1"; }

# The value of a flag of the command line that the window copies.
flag() { copied keys ctrl+shift+c | grep -o -- "--$1 [^ ]*" | cut -d ' ' -f 2; }

has_ipc() { (($(flag ipc) $1 $2)); }

# The project's curation of the dataset that is open.
curation() { cat "$project/curation/$(jq -er .dataset.fingerprint "$project/window.json").json"; }

# has_marks FILTER COUNT: how many images are marked so.
has_marks() { (($(curation | jq "[.classes[][] | select($1)] | length") == $2)); }

# ---- the session

begins_with_the_tour() {
  step 'the first start'
  await 60 'a tour' points
  shoot tour >/dev/null
  keys Escape
  await 10 'no tour' ! points
  await 60 'a check of the sample' logged 'check: top-1'
}

# Whether a whole panel is framed.
points() { [[ -n $(boxes "$accent" 1440x900+0+0 | awk '$3 > 300 && $4 > 300') ]]; }

opens_typed_paths() {
  step 'a typed dataset and a typed observer'
  log_is_read
  types_path ctrl+o "$data"
  await 20 'the dataset' logged 'opened .*/cifar10: 50000 images, 10 classes'
  log_is_read
  types_path ctrl+shift+o "$weights"
  await 20 'the observer' logged 'loaded resnet20_cifar'
  await 60 'its check' logged 'check: top-1 8[0-9]\.'
  shoot loaded >/dev/null
}

# types_path KEYS PATH: where no dialog can be opened, the keys lead into the field, and a warning says so.
types_path() {
  keys "$1"
  await 10 'a field for the path' warns_on_top
  keys ctrl+a
  write "$2"
  keys Return
  await 10 'an end of the typing' ! warns_on_top
}

warns_on_top() { [[ -n $(boxes "$warn" "$top_left" | awk '$3 > 200') ]]; }

# A slider is dragged, and the menu takes it back.
drags_and_undoes() {
  step 'a slider by mouse, undo from the menu'
  local before x y width height area part still
  before=$(flag ipc)
  # The first long bar in the recipe is that of IPC, filled up to its handle.
  read -r x y width height area < <(boxes "$filled" "$bottom_left" | awk '$3 > 30 && $4 < 14')
  drag $((x + width)) $((y + height / 2)) $((x + width + 30)) $((y + height / 2))
  await 10 'a larger IPC' has_ipc '>' "$before"
  # Undo is the first entry of the second menu, which lies over this part of the window.
  part=140x120+30+60
  still=$(glance $part)
  press 52 14
  await 10 'the menu' looks_otherwise $part "$still"
  press 60 44
  await 10 'no menu' looks_like $part "$still"
  await 10 'the IPC from before' has_ipc == "$before"
}

runs_cancels_runs() {
  step 'a run by button, a cancel and a second run by keys'
  local x y width height
  log_is_read
  # The only button in a panel without patches.
  read -r x y width height < <(buttons "$patches")
  press $((x + width / 2)) $((y + height / 2))
  await 10 'a run' logged 'scoring 10 classes'
  keys ctrl+period
  await 10 'the end of the run' logged 'score: cancelled'
  log_is_read
  keys ctrl+r
  await 120 'the end of the second run' logged 'scoring ended'
  ! logged 'cancelled|error:' || fail 'the second run did not go through'
  shoot scored >/dev/null
}

picks_by_mouse() {
  step 'click, Ctrl+click, Shift+click, wheel'
  local x y width height area still
  xdotool mousemove --window "$window" 500 300
  press 500 300
  await 10 'a frame around the patch that was clicked' shows_frames 1
  read -r x y width height area < <(frames)
  await 10 'one selected patch' has_selected 1
  # Tiles are as far from each other as the frame is wide.
  press_with ctrl $((x + width / 2 + 2 * width)) $((y + height / 2)) 'two selected patches' has_selected 2
  press_with shift $((x + width / 2 + 4 * width)) $((y + height / 2)) 'a range of three patches' has_selected 3
  still=$(glance "$patches")
  xdotool click --repeat 5 --delay 30 5
  await 10 'other patches after the wheel' looks_otherwise "$patches" "$still"
  xdotool click --repeat 40 --delay 10 4
  shoot picked >/dev/null
}

brushes_scores() {
  step 'a range of losses, drawn in the Scores panel'
  local before
  before=$(glance "$patches")
  palette scores
  await 10 'the Scores panel' looks_otherwise "$patches" "$before"
  await 10 'all of it' rests "$patches"
  drag 600 260 740 260
  await 10 'a range' keeps '.edits.filter.brush != null'
  shoot brushed >/dev/null
  keys ctrl+z
  await 10 'no range' keeps '.edits.filter.brush == null'
  palette patches
  await 10 'the patches' rests "$patches"
}

culls_by_keys() {
  step 'ten patches by keyboard'
  local key still
  press 500 300
  await 10 'one selected patch' has_selected 1
  # Nothing that is shown under the pointer lies over the patches.
  xdotool mousemove --window "$window" 700 892
  keys Home
  await 10 'a frame' shows_frames 1
  for key in p x x p x p x x p x; do
    still=$(frames)
    keys "$key"
    await 10 "the patch behind the one that was marked by $key" goes_on "$still"
  done
  await 10 'four pins' has_marks '.choice == "pinned"' 4
  await 10 'six rejections' has_marks '.choice == "rejected"' 6
  keys 3
  await 10 'a tag' has_marks '.tag == 3' 1
  keys ctrl+z
  await 10 'no tag' has_marks '.tag == 3' 0
  still=$(frames)
  keys Return
  await 10 'the next patch' goes_on "$still"
  keys 7
  await 10 'a tag on the next' has_marks '.tag == 7' 1
  shoot culled >/dev/null
}

# Whether one patch is selected, another one than before.
goes_on() { shows_frames 1 && [[ $(frames) != "$1" ]]; }

distils() {
  step 'the set'
  command=$(copied keys ctrl+shift+c)
  set_folder=$(grep -o -- '--out [^ ]*' <<<"$command" | cut -d ' ' -f 2)
  [[ $set_folder == "$work"/* ]] || fail "the set would be written to $set_folder"
  keys ctrl+shift+d
  await 120 'the set' test -e "$set_folder/manifest.json"
  [[ $(find "$set_folder" -name 'class*_id*.png' | wc -l) == 100 ]] || fail 'the set has not 100 images'
  [[ $(find "$set_folder" -name '*.png' -print0 | xargs -0 identify -format '%wx%h\n' | sort -u) == 32x32 ]] ||
    fail 'its images are not 32×32'
  follows_marks
}

# What is pinned is in the set, what is rejected is not.
follows_marks() {
  local used
  used=$(jq -r '.classes[] as $c | $c.images[] | .. | .source? // empty' "$set_folder/manifest.json")
  curation | jq -r '.classes | to_entries[] | .key as $class | .value | to_entries[] |
    "\(.value.choice) \($class)/\(.key)"' | while read -r choice image; do
    case $choice in
      pinned) grep -q "$image" <<<"$used" || fail "$image is pinned and not in the set" ;;
      rejected) ! grep -q "$image" <<<"$used" || fail "$image is rejected and in the set" ;;
    esac
  done
}

# The copied command, with another folder and a project of its own, gives the same bytes.
repeats_headless() {
  step 'the copied command in a shell'
  local words i
  # As a shell reads what is pasted into it.
  eval "words=($command)"
  [[ ${words[0]} == stillroom && ${words[1]} == distill ]] || fail "this was copied: $command"
  for ((i = 2; i < ${#words[@]}; i++)); do
    [[ ${words[i]} == --out ]] && words[i + 1]=$work/headless
  done
  "$stillroom" "${words[@]:1}" --project "$work/other-project" >"$work/headless.json" 2>"$work/headless.log" ||
    fail "the copied command failed: $(tail -n 3 "$work/headless.log")"
  diff -r "$set_folder" "$work/headless" || fail 'the copied command gives other bytes'
}

exports() {
  step 'an export'
  keys ctrl+shift+x
  local x y width height
  await 30 'a button to export' finds_export
  read -r x y width height < <(export_button)
  press $((x + width / 2)) $((y + height / 2))
  local folder=$set_folder-imagefolder
  await 60 'the export' test -e "$folder/metadata.jsonl"
  [[ $(find "$folder" -name '*.png' | wc -l) == 100 ]] || fail 'not 100 images were exported'
  "$stillroom" export --set "$set_folder" --format imagefolder --out "$work/exported" >/dev/null 2>"$work/export.log" ||
    fail "the export on the command line failed: $(tail -n 3 "$work/export.log")"
  diff -r "$folder" "$work/exported" || fail 'the command line exports other bytes'
  shoot exported >/dev/null
}

# The lowest button at the panel's left edge, once it can be pressed; fields are wider.
export_button() { buttons "$right_column" | awk '$1 < 990 && $3 < 160' | tail -n 1; }

finds_export() { [[ -n $(export_button) ]] && rests "$right_column"; }

closes() {
  step 'the end'
  ! log | grep 'error:' || fail 'there are errors in the log'
  keys ctrl+q
  local until=$((SECONDS + 20))
  while is_alive; do ((SECONDS < until)) || fail 'the window does not close'; sleep 0.1; done
  wait "$window_id" || fail "the window ended with $?"
}

start_screen
start_window "$stillroom"
begins_with_the_tour
opens_typed_paths
drags_and_undoes
runs_cancels_runs
picks_by_mouse
brushes_scores
culls_by_keys
distils
repeats_headless
exports
closes
step 'done'
