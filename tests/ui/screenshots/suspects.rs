//! Labels that the observer doubts, on photographs of 64 pixels.

use super::*;
use stillroom::ui::actions::Action;

#[test]
fn suspects() {
    let album = Album::open();
    let project = tempfile::tempdir().unwrap();
    let worker = WorkerConfig { project: Some(project.path().join("project")), ..WorkerConfig::default() };
    desk();
    let config = AppConfig {
        open_dataset: Some(DatasetRequest::whole("tiny-imagenet-20".as_ref())),
        open_observer: Some(TINY.into()),
        worker,
        ..AppConfig::default()
    };
    let builder = Harness::builder().with_size(Vec2::new(1440.0, 900.0)).with_render_cursor(false).wgpu();
    let mut window = builder.build_eframe(|creation| App::new(&creation.egui_ctx, config).unwrap());
    wait(&mut window, "the check", |w| w.state().model().check.is_some() && idle(w));
    training::replace(&mut window, "Output folder", Path::new("tiny-imagenet-20-distilled"));
    ask(&mut window, Intent::Do(Action::FindSuspects));
    let listed = |w: &Window| w.state().model().suspects.as_ref().map_or(0, |suspects| suspects.listed().len());
    wait(&mut window, "the suspects", |w| listed(w) > 0 && idle(w));
    let images: Vec<_> = window.state().model().suspects.as_ref().unwrap().listed().iter().map(|s| s.image).collect();
    for (image, key) in [(images[1], Key::X), (images[4], Key::X), (images[6], Key::P)] {
        ask(&mut window, Intent::Edit(Command::Select(Some(image))));
        ask(&mut window, Intent::Activate(Panel::Suspects));
        window.key_press(key);
        window.run_steps(2);
    }
    ask(&mut window, Intent::Edit(Command::Select(Some(images[0]))));
    album.take(&mut window, "suspects.png");
}
