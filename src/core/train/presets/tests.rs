use super::*;
use crate::core::param::Parameters as _;

const CIFAR10: Facts<'_> = Facts { classes: 10, side: 32, ipc: 10, factor: 1, observer: "conv3", student: "conv3" };

fn of(name: &str, facts: Facts<'_>) -> Suggestion {
    TrainPreset::named(name).unwrap().suggest(&facts)
}

#[test]
fn every_preset_goes_together_and_its_flags_repeat_it() {
    let names: std::collections::BTreeSet<_> = TRAIN_PRESETS.iter().map(|p| p.name).collect();
    assert_eq!(names.len(), TRAIN_PRESETS.len());
    assert_eq!(TrainPreset::of(Task::Observer).count(), 5);
    let photographs = Facts { classes: 1000, side: 224, factor: 2, ..CIFAR10 };
    for (preset, facts) in TRAIN_PRESETS.iter().flat_map(|p| [(p, CIFAR10), (p, photographs)]) {
        let recipe = preset.suggest(&facts).recipe;
        assert_eq!(recipe.check(), Ok(()), "{}", preset.name);
        let mut back = TrainRecipe::default();
        let flags = recipe.flags();
        let words: Vec<&str> = flags.split(' ').collect();
        words.chunks(2).for_each(|pair| back.set(&pair[0][2..], pair[1]).unwrap());
        assert_eq!(back, recipe, "{}: {flags}", preset.name);
    }
}

/// The cell of the peer script: `--batch 50 --lr 1e-3`, no note.
#[test]
fn rded_on_cifar10_is_the_default() {
    assert_eq!(of("rded", CIFAR10), Suggestion { recipe: TrainRecipe::default(), notes: vec![] });
}

/// The table of RDED's code: IPC 1, 10, 50.
#[test]
fn rded_batches_are_the_papers() {
    let cases = [
        ((10, 32), "resnet18_modified", [10, 50, 100]),
        ((100, 32), "resnet18_modified", [20, 100, 200]),
        ((100, 32), "conv3", [25, 25, 25]),
        ((200, 64), "conv4", [100, 100, 100]),
        ((1000, 224), "resnet18", [20, 100, 200]),
        ((4, 224), "resnet18", [4, 40, 100]),
    ];
    for ((classes, side), net, batches) in cases {
        for (ipc, batch) in [1, 10, 50].into_iter().zip(batches) {
            let facts = Facts { classes, side, ipc, factor: 1, observer: net, student: net };
            assert_eq!(of("rded", facts).recipe.batch, batch, "{facts:?}");
        }
    }
    let between = of("rded", Facts { ipc: 20, ..CIFAR10 });
    assert_eq!(between.recipe.batch, 50);
    assert_eq!(between.notes, ["RDED names no batch for IPC 20; that of IPC 10 is taken"]);
    let nothing = Facts { classes: 0, ipc: 0, factor: 0, ..CIFAR10 };
    assert_eq!(of("rded", nothing).recipe.batch, 1);
}

#[test]
fn rded_rates_are_the_papers_and_never_0() {
    let cases = [("vgg11", 5e-4), ("efficientnet_b0", 2e-3), ("mobilenet_v2", 2.5e-3), ("swin_v2_t", 1e-4)];
    for (student, rate) in cases {
        let suggestion = of("rded", Facts { student, ..CIFAR10 });
        assert_eq!((suggestion.recipe.rate, suggestion.notes.len()), (rate, 0), "{student}");
    }
    let unknown = of("rded", Facts { student: "densenet121", ..CIFAR10 });
    assert_eq!(unknown.recipe.rate, 1e-3);
    assert!(unknown.notes[0].contains("densenet121"), "{:?}", unknown.notes);
    let cifar100 = of("rded", Facts { classes: 100, ..CIFAR10 });
    assert_eq!((cifar100.recipe.rate, cifar100.notes.len()), (2e-3, 1));
    assert_eq!(of("rded", Facts { classes: 100, observer: "resnet18", ..CIFAR10 }).recipe.rate, 1e-3);
}

#[test]
fn stitched_images_are_shuffled_and_cropped_to_one_patch() {
    let recipe = of("rded", Facts { factor: 2, side: 224, ..CIFAR10 }).recipe;
    assert_eq!((recipe.shuffle, recipe.cropping.to_string().as_str()), (2, "rrc:0.5:1"));
    let ranking = of("dd-ranking-rded", Facts { factor: 2, side: 224, ..CIFAR10 }).recipe;
    assert_eq!((ranking.shuffle, ranking.cropping.to_string().as_str()), (1, "rrc:1:1"));
}

/// SRe2L's validation on ImageNet and on small images, and the observer that the repository's accuracies rest on.
#[test]
fn other_papers_have_their_words() {
    let words = |name| {
        let r = of(name, CIFAR10).recipe;
        format!("{} {} {} {} {} {} {}", r.epochs, r.batch, r.optimiser, r.rate, r.schedule, r.loss, r.cropping)
    };
    assert_eq!(words("sre2l-imagenet"), "300 1024 adamw 0.001 cosine kl:20 rrc:0.08:1");
    assert_eq!(words("sre2l-cifar100"), "400 128 adamw 0.001 cosine kl:30 pad:4");
    assert_eq!(words("sre2l-tiny"), "100 256 sgd 0.2 cosine:5 kl:20:t2 rrc:0.08:1");
    assert_eq!(words("squeeze-cifar"), "200 128 sgd 0.1 cosine hard-ce pad:4");
    assert_eq!(words("squeeze-tiny"), "50 256 sgd 0.2 cosine:5 hard-ce rrc:0.08:1");
    assert_eq!(words("squeeze-imagenet"), "90 256 sgd 0.1 step:30:0.1 hard-ce rrc:0.08:1");
    assert_eq!(words("one-cycle-cifar"), "24 256 sgd 0.1 one-cycle hard-ce pad:4");
    let nesterov = Optimiser::Sgd { momentum: 0.9, nesterov: true, decay: 5e-4 };
    assert_eq!(of("one-cycle-cifar", CIFAR10).recipe.optimiser, nesterov);
}

/// Side, classes and IPC of a dataset decide; SRe2L's batch is never larger than the set.
#[test]
fn sre2l_and_cda_fit_the_images() {
    let words = |name, (side, classes, ipc): (u32, u32, u32)| {
        let r = of(name, Facts { side, classes, ipc, ..CIFAR10 }).recipe;
        format!("{} {}/{} {} {} {} {}", r.epochs, r.batch, r.accumulation, r.optimiser, r.rate, r.loss, r.labels)
    };
    assert_eq!(words("sre2l", (32, 100, 10)), "400 128/1 adamw 0.001 kl:30 online");
    assert_eq!(words("sre2l", (32, 10, 1)), "400 10/1 adamw 0.001 kl:30 online");
    assert_eq!(words("sre2l", (64, 200, 50)), "100 256/1 sgd 0.2 kl:20:t2 online");
    assert_eq!(words("sre2l", (224, 1000, 10)), "300 1024/2 adamw 0.001 kl:20 online");
    assert_eq!(words("sre2l", (224, 10, 10)), "300 100/1 adamw 0.001 kl:20 online");
    assert_eq!(words("cda", (224, 1000, 50)), "300 128/1 adamw 0.001 kl:20 online");
    assert_eq!(words("cda", (64, 200, 50)), "100 64/1 sgd 0.2 kl:20:t2 online");
    assert_eq!(words("cda", (32, 100, 50)), "800 8/1 adamw 0.001 kl:30 online");
    let photographs = of("cda", Facts { side: 224, classes: 1000, ipc: 50, ..CIFAR10 });
    assert_eq!((photographs.recipe.mixing, photographs.recipe.get("decay").as_str()), (Mixing::CutMix, "0.01"));
    assert!(photographs.notes.iter().any(|note| note.contains("--stored-labels")), "{:?}", photographs.notes);
    let small = of("sre2l", Facts { ipc: 1, ..CIFAR10 });
    assert!(small.notes.contains(&"a batch is all 10 images; SRe2L's has 128".to_owned()), "{:?}", small.notes);
    let tiny = Facts { side: 64, classes: 200, ..CIFAR10 };
    assert_eq!(of("sre2l-tiny", tiny).recipe.evaluation_edge, Some(64), "no zoom");
}

/// LIC's protocol: batches by the number of images, rates by student, edges by side.
#[test]
fn lic_is_its_codes() {
    let recipe = of("lic", Facts { factor: 2, ..CIFAR10 }).recipe;
    assert_eq!(
        recipe.flags(),
        "--epochs 1000 --batch 50 --accumulation 1 --optimiser adamw --decay 0.0001 --decay-all on --lr 0.001 \
         --schedule milestones:0.2:2/3:5/6 --loss mse --labels online --mixing none --shuffle 1 --decode-first off \
         --crop cells:2 --flip off --dsa on --statistics-twice off --evaluate parts:4 --val-edge 0 --seed 0 --seeds 1"
    );
    for ((classes, ipc), batch) in
        [((10, 1), 10), ((11, 1), 50), ((10, 50), 50), ((100, 10), 100), ((200, 100), 100), ((1000, 50), 200)]
    {
        assert_eq!(of("lic", Facts { classes, ipc, ..CIFAR10 }).recipe.batch, batch, "{classes} {ipc}");
    }
    for (student, rate) in
        [("resnet18", 1e-3), ("swin_v2_t", 1e-4), ("vit_tiny_patch16_224", 1e-4), ("efficientnet_b0", 2e-3)]
    {
        assert_eq!(of("lic", Facts { student, ..CIFAR10 }).recipe.rate, rate, "{student}");
    }
    let edge = |classes, side| of("lic", Facts { classes, side, ..CIFAR10 }).recipe.evaluation_edge;
    assert_eq!([edge(10, 128), edge(1000, 64), edge(200, 64)], [Some(146), Some(73), Some(64)]);
    assert_eq!([edge(10, 32), edge(1000, 224)], [None, None]);
    assert_eq!(of("lic", Facts { classes: 1000, side: 224, ..CIFAR10 }).recipe.epochs, 300);
    let other = of("lic", Facts { student: "conv4", factor: 2, ..CIFAR10 });
    assert_eq!(other.notes.len(), 4, "{:?}", other.notes);
    assert_eq!(of("lic", CIFAR10).notes.len(), 2);
}

#[test]
fn every_method_has_a_training() {
    let presets = ["rded", "sre2l", "cda", "lic", "magic"].map(|method| preset_of(method, true));
    assert_eq!(presets, ["rded", "sre2l", "cda", "lic", "rded"]);
    assert_eq!(preset_of("lic", false), "rded-hard");
    assert!(presets.iter().all(|name| TrainPreset::named(name).is_some_and(|p| p.task == Task::Student)));
}
