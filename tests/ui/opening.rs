//! Opening what leaves something open: the window asks, and a click answers.

use stillroom::engine::images::encode;
use stillroom::jobs::open::DatasetRequest;
use stillroom::ui::AppConfig;

use crate::{Files, click, idle, noise, type_into, until, window};
use egui_kittest::kittest::Queryable as _;

#[test]
fn a_folder_in_doubt_is_opened_as_the_user_says() {
    let files = Files::make();
    let data = files.folder.path().join("doubtful");
    for image in ["Training/a/1", "Training/b/1", "Testing/c/1", "Testing/c/2"] {
        let path = data.join(image).with_extension("png");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, encode::png(&noise(0, 1)).unwrap()).unwrap();
    }
    let mut window = window(AppConfig { open_dataset: Some(DatasetRequest::whole(&data)), ..files.config() });
    until(&mut window, "the doubt", |w| w.state().model().problems.dataset.is_some() && idle(w));
    let problem = window.state().model().problems.dataset.clone().unwrap();
    assert!(problem.contains("as splits") && problem.contains("as classes"), "{problem}");
    click(&mut window, "They are classes");
    until(&mut window, "the dataset", |w| w.state().model().data.is_some() && idle(w));
    assert_eq!(window.state().model().dataset().unwrap().image_count(), 4);
    assert!(window.query_by_label("They are splits").is_none());
}

/// Of student and teacher none is taken; a click on one of them loads it, and the command line says so.
#[test]
fn a_click_chooses_one_of_the_networks_in_a_file() {
    let files = Files::make();
    let whole = stillroom::engine::weights::open(&files.observer()).unwrap().read_all().unwrap();
    let half = |prefix: &str| {
        let tensors = whole.tensors().iter();
        tensors.map(|(key, t)| (format!("{prefix}.{key}"), t.clone())).collect::<Vec<_>>()
    };
    let both: Vec<_> = half("student").into_iter().chain(half("teacher")).collect();
    let raw: Vec<(String, Vec<usize>, Vec<u8>)> = both
        .into_iter()
        .map(|(key, t)| (key, t.shape, t.values.iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    let views = raw.iter().map(|(key, shape, data)| {
        (key, safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), data).unwrap())
    });
    std::fs::write(files.observer(), safetensors::serialize(views, None).unwrap()).unwrap();
    let mut window =
        window(AppConfig { open_dataset: Some(DatasetRequest::whole(&files.dataset())), ..files.config() });
    until(&mut window, "the dataset", |w| w.state().model().data.is_some() && idle(w));
    click(&mut window, "Observer");
    type_into(&mut window, "Weight file", &files.observer());
    click(&mut window, "Load");
    until(&mut window, "the refusal", |w| w.state().model().problems.observer.is_some() && idle(w));
    let problem = window.state().model().problems.observer.clone().unwrap();
    assert!(problem.contains("'student' (conv3x8), 'teacher' (conv3x8)"), "{problem}");
    assert!(window.query_by_label("take student").is_some());
    click(&mut window, "take teacher");
    until(&mut window, "the observer", |w| w.state().model().observer.is_some() && idle(w));
    let line = window.state().command_line();
    assert!(line.contains(" --part teacher"), "{line}");
    let recent = window.state().model().recent.observers.clone();
    assert_eq!(recent[0].part.as_deref(), Some("teacher"));
}
