//! Trainings that begin with the weights of other classes.

use super::*;
use crate::engine::cpu::learn::CpuNetwork;
use crate::engine::learn::optimiser::Slowed;

/// Trains on the classes in the other order, by the network of burn or of the processor.
fn trained(recipe: &TrainRecipe, burn: bool, start: Start<'_>, factor: f64) -> Trained {
    let spec = SPEC();
    let labels: Vec<u32> = (0..32).map(|i| (i + 1) % 2).collect();
    let images = TrainImages { labels: &labels, image: &|at| Ok(striped(at)) };
    let job = TrainJob { spec: &spec, images, recipe, mean_std: MeanStd::IMAGENET, seed: 9, threads: 1 };
    let mut new = |weights: &Weights| -> Result<Box<dyn Learner>, EngineError> {
        let (graph, setup, rule) = (spec.graph(), Setup::training(), Rule::of(recipe));
        let slowed = Some(Slowed { factor, but: graph.classifier_keys() });
        Ok(if burn {
            Box::new(Fitted::new(BurnNetwork::new(graph, weights, &setup, &Device::flex())?, rule).slowed(slowed))
        } else {
            Box::new(Fitted::new(CpuNetwork::new(graph, weights, &setup)?, rule).slowed(slowed))
        })
    };
    train(job, &mut new, Targets::Classes, start, &mut Witness::default()).unwrap()
}

#[test]
fn what_is_kept_stays_to_the_bit_on_both_networks() {
    let recipe = TrainRecipe { epochs: 1, ..recipe() };
    let others = Weights::by_formula(&SPEC().graph());
    let new = SPEC().graph().classifier_keys();
    assert_eq!(new, ["classifier.bias", "classifier.weight"].map(str::to_owned).into());
    for burn in [false, true] {
        let [still, moved] = [0.0, 1.0].map(|factor| trained(&recipe, burn, Start::From(&others), factor).weights);
        for parameter in SPEC().graph().parameters().into_iter().filter(|p| p.role.is_learnt()) {
            let key = parameter.key.as_str();
            assert_eq!(still.values(key) == others.values(key), !new.contains(key), "{key}");
            assert!(moved.values(key) != others.values(key), "{key}");
        }
        // The statistics of batch norm follow the images whatever the rate.
        assert!(still.values("layers.norm.0.running_mean") != others.values("layers.norm.0.running_mean"));
    }
}

#[test]
fn what_was_learnt_on_other_classes_helps() {
    let others = run(&recipe(), 1).weights;
    let short = TrainRecipe { epochs: 1, ..recipe() };
    let loss = |start| trained(&short, false, start, 1.0).curve.points[0].loss;
    let (begun, scratch) = (loss(Start::From(&others)), loss(Start::Seed));
    assert!(begun < scratch, "{begun} {scratch}");
}
