use super::*;
use crate::core::distil::curation::{Choice, Mark};

fn set(name: &'static str, value: &str) -> Command {
    Command::SetParam { name, value: value.to_owned() }
}

fn opened(classes: usize) -> Workspace {
    let mut workspace = Workspace::default();
    workspace.apply(Command::Opened { classes }).unwrap();
    workspace
}

#[test]
fn a_drag_is_one_step_and_undo_brings_back_what_was_before_it() {
    let mut w = opened(3);
    for value in ["11", "12", "20"] {
        assert!(w.apply(set("ipc", value)).unwrap().reselect);
    }
    w.apply(Command::Settle).unwrap();
    w.apply(set("ipc", "30")).unwrap();
    assert!(w.apply(Command::Undo).unwrap().reselect);
    assert_eq!(w.recipe().ipc, 20);
    w.apply(Command::Undo).unwrap();
    assert_eq!(w.recipe().ipc, 10);
    assert!(!w.can_undo() && w.can_redo());
    w.apply(Command::Redo).unwrap();
    w.apply(Command::Redo).unwrap();
    assert_eq!(w.recipe().ipc, 30);
    assert!(!w.apply(Command::Redo).unwrap().reselect);
}

#[test]
fn a_parameter_that_returns_to_where_it_began_leaves_no_step() {
    let mut w = opened(2);
    w.apply(set("subset", "60")).unwrap();
    w.apply(Command::Settle).unwrap();
    w.apply(set("ipc", "20")).unwrap();
    assert!(w.apply(set("ipc", "10")).unwrap().reselect);
    assert_eq!((w.recipe().ipc, w.steps()), (10, (vec!["Subset 300 to 60"], 1)));
    w.apply(set("ipc", "30")).unwrap();
    assert_eq!(w.steps(), (vec!["Subset 300 to 60", "Images per class (IPC) 10 to 30"], 2));
    w.apply(Command::Undo).unwrap();
    w.apply(Command::Undo).unwrap();
    assert_eq!(w.edited(), opened(2).edited());
}

#[test]
fn a_new_change_forgets_what_was_undone() {
    let mut w = opened(3);
    w.apply(Command::Choose(ClassId(1), false)).unwrap();
    w.apply(Command::Undo).unwrap();
    assert_eq!(w.chosen().count(), 3);
    w.apply(set("subset", "60")).unwrap();
    assert!(!w.can_redo());
    w.apply(Command::ChooseAll(false)).unwrap();
    assert_eq!(w.chosen().count(), 0);
    w.apply(Command::Undo).unwrap();
    assert_eq!((w.chosen().count(), w.recipe().method.rded().unwrap().subset), (3, 60));
}

#[test]
fn what_changes_nothing_or_is_out_of_range_leaves_no_trace() {
    let mut w = opened(2);
    let before = w.clone();
    assert_eq!(w.apply(set("ipc", "10")).unwrap(), Effects::default());
    w.apply(Command::ChooseAll(true)).unwrap();
    w.apply(Command::Choose(ClassId(9), true)).unwrap();
    assert!(w.apply(set("ipc", "0")).is_err());
    assert_eq!(w, before);
}

#[test]
fn selecting_is_no_step_for_undo_and_is_lost_with_the_dataset() {
    let mut w = opened(2);
    assert!(w.apply(Command::Select(Some(ImageId(4)))).unwrap().reveal);
    w.apply(Command::ShowClass(Some(ClassId(1)))).unwrap();
    w.apply(Command::ShowClass(Some(ClassId(7)))).unwrap();
    assert_eq!((w.selected(), w.shown_class()), (Some(ImageId(4)), None));
    w.apply(set("ipc", "20")).unwrap();
    w.apply(Command::SetTheme(Theme::Light)).unwrap();
    w.apply(Command::Opened { classes: 5 }).unwrap();
    assert_eq!((w.selected(), w.class_count(), w.can_undo()), (None, 5, false));
    assert_eq!((w.recipe().ipc, w.theme()), (20, Theme::Light));
}

/// Both recipes have a seed: a change of one is no step of the other's, and undo finds both.
#[test]
fn trainings_are_undone_as_recipes_are() {
    let mut w = opened(1);
    let train = |value: &str| Command::SetTrainParam { name: "epochs", value: value.to_owned() };
    assert!(!w.apply(train("3")).unwrap().reselect);
    w.apply(train("30")).unwrap();
    w.apply(set("ipc", "20")).unwrap();
    assert!(w.apply(train("0")).is_err());
    w.apply(Command::Undo).unwrap();
    assert_eq!((w.training().epochs, w.recipe().ipc), (30, 10));
    w.apply(Command::Undo).unwrap();
    assert_eq!(w.training(), &TrainRecipe::default());
    w.apply(Command::SetTraining(TrainRecipe { batch: 7, ..TrainRecipe::default() })).unwrap();
    w.apply(Command::Opened { classes: 5 }).unwrap();
    assert_eq!(w.training().batch, 7);
}

#[test]
fn the_history_is_bounded() {
    let mut w = opened(1);
    for i in 0..2 * history::KEPT as u64 {
        w.apply(Command::SetRecipe(Recipe { seed: i + 1, ..Recipe::default() })).unwrap();
    }
    assert_eq!(w.steps().1, history::KEPT);
}

#[test]
fn filters_marks_and_class_orders_are_steps_with_words_that_can_be_travelled() {
    let mut w = opened(2);
    let filter = |name: &str| Command::SetFilter(Filter { name: name.to_owned(), ..Filter::default() });
    let typed = w.apply(filter("o")).unwrap();
    assert_eq!(typed, Effects { refilter: true, ..Effects::default() });
    w.apply(filter("ow")).unwrap();
    w.apply(Command::Settle).unwrap();
    let mark = Mark { choice: Choice::Rejected, ..Mark::default() };
    let reject = Command::Curate { marks: vec![(ImageId(5), mark)], words: "1 patch rejected".to_owned() };
    assert_eq!(w.apply(reject).unwrap(), Effects { reselect: true, ..Effects::default() });
    assert!(w.apply(Command::SetOutputs(Some(vec![1, 0]))).unwrap().reorder);
    assert_eq!(w.steps(), (vec!["only names with 'ow'", "1 patch rejected", "class order"], 3));
    let all_back = w.apply(Command::TravelTo(0)).unwrap();
    assert_eq!(all_back, Effects { reselect: true, refilter: true, reorder: true, ..Effects::default() });
    assert_eq!(w.edited(), opened(2).edited());
    w.apply(Command::TravelTo(2)).unwrap();
    assert_eq!((w.filter().name.as_str(), w.curation().mark(ImageId(5)), w.outputs()), ("ow", mark, None));
    assert!(w.can_undo() && w.can_redo());
    w.apply(Command::TravelTo(99)).unwrap();
    assert_eq!((w.outputs().map(|o| o.to_vec()), w.can_redo()), (Some(vec![1, 0]), false));
}

#[test]
fn a_kept_state_is_restored_as_a_step_or_as_a_beginning_and_never_for_other_classes() {
    let mut w = opened(2);
    w.apply(set("ipc", "20")).unwrap();
    w.apply(Command::Choose(ClassId(1), false)).unwrap();
    let kept = Box::new(w.edited().clone());
    let mut other = opened(2);
    let restore = |words: Option<&str>| Command::Restore { edited: kept.clone(), words: words.map(str::to_owned) };
    assert!(other.apply(restore(None)).unwrap().reselect);
    assert_eq!((other.edited(), other.can_undo()), (&*kept, false));
    let mut third = opened(2);
    third.apply(restore(Some("run 3"))).unwrap();
    assert_eq!(third.steps(), (vec!["run 3"], 1));
    let mut fourth = opened(3);
    assert_eq!(fourth.apply(restore(None)).unwrap(), Effects::default());
    assert_eq!(fourth.recipe().ipc, 10);
}

#[test]
fn what_is_suggested_is_no_step() {
    let mut w = opened(1);
    w.apply(Command::SuggestTraining(TrainRecipe { batch: 7, ..TrainRecipe::default() })).unwrap();
    assert_eq!((w.training().batch, w.can_undo()), (7, false));
    w.apply(set("ipc", "20")).unwrap();
    w.apply(Command::Undo).unwrap();
    assert_eq!((w.training().batch, w.recipe().ipc), (7, 10));
}

#[test]
fn further_observers_are_listed_once_and_undo_brings_back_what_was_left_out() {
    let mut w = opened(2);
    for file in ["/nets/a.pth", "/nets/b.pth", "/nets/a.pth"] {
        assert_eq!(w.apply(Command::AddBeside(file.into())).unwrap(), Effects::default());
    }
    w.apply(Command::RemoveBeside("/nets/a.pth".into())).unwrap();
    w.apply(Command::RemoveBeside("/nets/c.pth".into())).unwrap();
    assert_eq!(**w.beside(), [PathBuf::from("/nets/b.pth")]);
    assert_eq!(w.steps().0, ["further observer a.pth", "further observer b.pth", "further observer a.pth left out"]);
    w.apply(Command::Undo).unwrap();
    assert_eq!(**w.beside(), [PathBuf::from("/nets/a.pth"), PathBuf::from("/nets/b.pth")]);
    // Another dataset has other classes, and so other observers.
    w.apply(Command::Opened { classes: 3 }).unwrap();
    assert!(w.beside().is_empty());
}
