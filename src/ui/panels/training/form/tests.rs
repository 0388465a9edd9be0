use super::*;

fn filled() -> TrainForm {
    let mut form = TrainForm::default();
    for (which, path) in
        [(TrainPath::Data, "/d/distilled"), (TrainPath::Evaluation, "/d/real"), (TrainPath::Observer, "/d/conv3.pth")]
    {
        form.choose(which, Path::new(path));
    }
    for (which, text) in [(TrainText::Name, "My run, no. 1"), (TrainText::Student, " conv3 ")] {
        *form.text(which) = text.to_owned();
        form.text_typed(which);
    }
    form
}

fn ask(form: &TrainForm, recipe: &TrainRecipe) -> Result<TrainRequest, Wrong> {
    form.request(recipe, Path::new("/p/trainings"))
}

#[test]
fn a_filled_form_is_a_request() {
    let mut form = filled();
    *form.text(TrainText::Images) = "10".to_owned();
    *form.text(TrainText::MeanStd) = "cifar10".to_owned();
    *form.text(TrainText::Part) = "teacher".to_owned();
    let request = ask(&form, &TrainRecipe::default()).unwrap();
    assert_eq!(request.out, Path::new("/p/trainings/My-run--no.-1"));
    assert_eq!((request.name.as_deref(), request.data.to_str()), (Some("My run, no. 1"), Some("/d/distilled")));
    assert_eq!((request.student.to_string(), request.images_per_class, request.side), ("conv3".into(), Some(10), None));
    let line = crate::jobs::command_line::train(&request);
    assert!(line.contains(" --observer /d/conv3.pth --part teacher "), "{line}");
    let mut again = TrainForm::default();
    again.fill(request.clone());
    assert_eq!(again.said(TrainText::Part), "teacher");
    let observer = request.observer.unwrap();
    assert_eq!(observer.part.as_deref(), Some("teacher"));
    assert_eq!((observer.file.to_str(), observer.mean_std), (Some("/d/conv3.pth"), Some(MeanStd::CIFAR10)));
    // Classes need no observer, and an observer from scratch is evaluated on its own dataset.
    let mut hard = TrainRecipe::default();
    for (name, value) in [("loss", "hard-ce"), ("labels", "hard"), ("mixing", "none")] {
        hard.set(name, value).unwrap();
    }
    assert_eq!(ask(&form, &hard).unwrap().observer, None);
    form.pretrain = true;
    let request = ask(&form, &hard).unwrap();
    assert_eq!((request.kind, request.evaluation.to_str()), (TrainingKind::Pretrain, Some("/d/distilled")));
    assert_eq!(request.images_per_class, None);
    let flags = crate::jobs::command_line::train(&request);
    assert!(flags.starts_with("stillroom pretrain --data /d/distilled --student conv3 --mean-std cifar10 "), "{flags}");
}

#[test]
fn an_observer_begins_with_other_weights_where_the_form_names_them() {
    let mut hard = TrainRecipe::default();
    for (name, value) in [("loss", "hard-ce"), ("labels", "hard"), ("mixing", "none")] {
        hard.set(name, value).unwrap();
    }
    let mut form = filled();
    form.choose(TrainPath::Initial, Path::new("/d/resnet18.pth"));
    *form.text(TrainText::InitialRate) = "0.1".to_owned();
    assert_eq!(ask(&form, &hard).unwrap().initial, None, "students begin with the seed's");
    form.pretrain = true;
    let request = ask(&form, &hard).unwrap();
    let initial = request.initial.clone().unwrap();
    assert_eq!((initial.file.to_str(), initial.rate), (Some("/d/resnet18.pth"), 0.1));
    let flags = crate::jobs::command_line::train(&request);
    assert!(flags.contains(" --init /d/resnet18.pth --init-rate 0.1 --student conv3"), "{flags}");
    let mut again = TrainForm::default();
    again.fill(request);
    assert_eq!(again.changes(&hard), 0);
    *again.text(TrainText::InitialRate) = String::new();
    assert_eq!(again.text_before(TrainText::InitialRate).as_deref(), Some("0.1"));
    for wrong in ["-1", "x", "inf"] {
        *form.text(TrainText::InitialRate) = wrong.to_owned();
        assert_eq!(ask(&form, &hard).unwrap_err().field, INITIAL_RATE);
    }
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let recipe = TrainRecipe::default();
    let stored = TrainRecipe { labels: LabelSource::Stored, ..TrainRecipe::default() };
    let set = |which, text: &str| {
        let mut form = filled();
        *form.text(which) = text.to_owned();
        form
    };
    let without = |which| {
        let mut form = filled();
        form.paths.remove(&which);
        form
    };
    let mut draft = filled();
    draft.drafts.insert("lr", "fast".to_owned());
    let cases = [
        (without(TrainPath::Data), &recipe, DATA),
        (without(TrainPath::Evaluation), &recipe, EVALUATION),
        (without(TrainPath::Observer), &recipe, OBSERVER),
        (filled(), &stored, LABELS),
        (set(TrainText::Student, "conv33333"), &recipe, STUDENT),
        (set(TrainText::Student, ""), &recipe, STUDENT),
        (set(TrainText::Side, "0"), &recipe, SIDE),
        (set(TrainText::MeanStd, "1,2"), &recipe, MEAN_STD),
        (set(TrainText::Images, "-1"), &recipe, IMAGES),
        (set(TrainText::Evaluated, "x"), &recipe, EVALUATED),
        (set(TrainText::Arch, "nothing"), &recipe, ARCH),
        (set(TrainText::Name, " / "), &recipe, NAME),
        (draft, &recipe, "Learning rate"),
    ];
    for (form, recipe, field) in cases {
        let wrong = ask(&form, recipe).unwrap_err();
        assert_eq!(wrong.field, field, "{wrong:?}");
        assert!(wrong.why.len() > 10, "{wrong:?}");
    }
}

/// A value that is being typed and fits is no obstacle, whatever its digits.
#[test]
fn a_draft_that_fits_may_stay() {
    let mut form = filled();
    form.drafts.insert("lr", "1e-3".to_owned());
    assert!(ask(&form, &TrainRecipe::default()).is_ok());
}

#[test]
fn a_clone_asks_for_the_same_until_something_is_changed() {
    let mut recipe = TrainRecipe { seeds: 3, ..TrainRecipe::default() };
    let mut original = filled();
    original.choose(TrainPath::ClassMap, Path::new("/d/map.json"));
    *original.text(TrainText::Evaluated) = "50".to_owned();
    let request = ask(&original, &recipe).unwrap();
    let mut form = TrainForm::default();
    form.fill(request.clone());
    assert_eq!(form.changes(&recipe), 0);
    assert_eq!(ask(&form, &recipe).unwrap_err().field, NAME);
    form.suggest_name("distilled-conv3-2".to_owned());
    let again = ask(&form, &recipe).unwrap();
    assert_eq!(TrainRequest { name: request.name.clone(), out: request.out.clone(), ..again }, request);

    recipe.set("batch", "25").unwrap();
    *form.text(TrainText::Student) = "conv4".to_owned();
    form.choose(TrainPath::Data, Path::new("/d/other"));
    assert_eq!(form.changes(&recipe), 3);
    let before = |name: &str| form.param_before(TrainRecipe::param(name).unwrap(), &recipe);
    assert_eq!((before("batch").as_deref(), before("epochs")), (Some("50"), None));
    assert_eq!(form.text_before(TrainText::Student).as_deref(), Some("conv3"));
    assert_eq!(form.path_before(TrainPath::Data).as_deref(), Some("/d/distilled"));
    assert_eq!(form.suggested_name().as_deref(), Some("other-conv4"));
}

#[test]
fn names_become_folders() {
    let names = ["RDED, conv3 ×2", "../../etc", "a/b", "  ", "Größe", "-.-"].map(folder_name);
    assert_eq!(names, ["RDED--conv3--2", "etc", "a-b", "", "Größe", ""]);
}
