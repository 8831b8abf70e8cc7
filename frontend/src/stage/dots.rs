//! What moves: messages on their way, heartbeats on their lines. Drawn straight into the DOM, past the reactive graph, whenever
//! one of a dozen dots sets out, arrives or is lost; in between the browser moves them (`flight`).

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, HtmlElement, SvgElement};

use super::{
    flight::Flight,
    layout::{Beside, Labelled, Rect, Route, beside, route, title},
};
use crate::{
    browser,
    protocol::{Frame, Hop},
    state::Page,
    view_model::rounded,
};

/// Messages drawn singly at once; the worker already sends no more than a few.
const MOST: usize = 16;
/// How far the picture may run ahead of the worker's last word, in milliseconds of scene time.
const LEAD_MS: f64 = 120.0;
/// The dots may be behind and ahead of the scene by so much before they are put right, in milliseconds: what is a little late is
/// not seen, what jumps back is.
const BEHIND_MS: f64 = 50.0;
const AHEAD_MS: f64 = 250.0;
/// How wide a letter of a label is and how high its row, its room at both ends; the longest is cut at this share of the stage
/// (deeds.css).
const LETTER: (f64, f64) = (7.3, 20.0);
const LARGE_LETTER: (f64, f64) = (10.3, 27.0);
const ENDS: f64 = 14.0;
const LONGEST: f64 = 0.8;
/// What is lost is seen to die from this share of its way on.
const DEATH: f64 = 0.75;

pub(super) struct Dots {
    page: Page,
    stage: HtmlElement,
    lines: SvgElement,
    layer: HtmlElement,
    /// Where everything is; measured again when `stale`.
    places: BTreeMap<String, Rect>,
    width: f64,
    stale: bool,
    /// Lines to the API server, by place.
    drawn: BTreeMap<String, Line>,
    moving: Vec<Moving>,
    scene: f64,
    heard: f64,
    heard_at: f64,
    running: bool,
    /// By how much the scene is later than the browser's clock as the dots have it.
    lead: f64,
    /// A display frame was asked for.
    awake: bool,
    /// The moment of the scene when something sets out or ends next.
    next: f64,
    /// How many alarms were set: only the last one counts.
    alarms: u32,
    still: bool,
    tick: Option<Closure<dyn FnMut()>>,
}

struct Moving {
    hop: Hop,
    element: HtmlElement,
    /// Its way, once it has set out.
    flight: Option<(Route, Flight)>,
    /// Where its label is, if it has one and has set out.
    label: Option<Labelled>,
    dying: bool,
    /// Its card's number while time stands still, 0 for none.
    number: usize,
}

struct Line {
    element: Element,
    way: Option<Route>,
    lit: bool,
}

type Shared = Rc<RefCell<Dots>>;

impl Dots {
    /// Draws onto `layer` and `lines`, which cover `stage`, for as long as the page lives.
    pub(super) fn start(page: Page, stage: HtmlElement, lines: SvgElement, layer: HtmlElement) {
        let dots = Rc::new(RefCell::new(Self {
            page,
            stage: stage.clone(),
            lines,
            layer,
            places: BTreeMap::new(),
            width: 0.0,
            stale: true,
            drawn: BTreeMap::new(),
            moving: Vec::new(),
            scene: 0.0,
            heard: 0.0,
            heard_at: 0.0,
            running: false,
            lead: 0.0,
            awake: false,
            next: f64::INFINITY,
            alarms: 0,
            still: browser::reduced_motion(),
            tick: None,
        }));
        let again = Rc::clone(&dots);
        dots.borrow_mut().tick = Some(Closure::new(move || Self::draw(&again)));
        let resized = Rc::clone(&dots);
        browser::on_resize(&stage, move || {
            resized.borrow_mut().stale = true;
            Self::wake(&resized);
        });
        let scrolled = Rc::clone(&dots);
        // The visitors' end of the stage may stay where it is (halted.css).
        window_event_listener(leptos::ev::scroll, move |_| {
            scrolled.borrow_mut().stale = true;
            Self::wake(&scrolled);
        });
        let moved = Rc::clone(&dots);
        let broken = Memo::new(move |_| page.systems.with(|systems| systems.broken.clone()));
        Effect::new(move |_| {
            // Cards, pods and marks that come and go move the others.
            broken.track();
            page.nodes.track();
            page.pods.track();
            page.services.track();
            moved.borrow_mut().stale = true;
            Self::wake(&moved);
        });
        Effect::new(move |_| {
            let frame = page.frame.get();
            let running = page.clock.with_untracked(|clock| clock.running);
            let changed = dots.borrow_mut().hear(&frame, running);
            if changed {
                Self::wake(&dots);
            }
        });
    }

    /// Takes in what the worker says; whether there is something to draw.
    fn hear(&mut self, frame: &Frame, running: bool) -> bool {
        if frame.reset {
            self.clear();
            self.scene = frame.scene;
        }
        let turned = self.running != running;
        (self.heard, self.heard_at, self.running) = (frame.scene, browser::now_ms(), running);
        for hop in &frame.hops {
            self.add(hop);
        }
        for place in &frame.heartbeats {
            self.pulse(place);
        }
        if turned || !(-AHEAD_MS..=BEHIND_MS).contains(&self.late()) {
            self.put_right();
        }
        turned || frame.reset || !frame.hops.is_empty() || self.scene >= self.next || !running
    }

    fn wake(dots: &Shared) {
        let mut this = dots.borrow_mut();
        if !std::mem::replace(&mut this.awake, true)
            && let Some(tick) = &this.tick
        {
            // Without a window there is nothing to draw on.
            let _ = window().request_animation_frame(tick.as_ref().unchecked_ref());
        }
    }

    fn draw(dots: &Shared) {
        let mut this = dots.borrow_mut();
        this.awake = false;
        if this.stale {
            this.measure();
        }
        this.late();
        this.move_all();
        this.tell_halted();
        this.alarms += 1;
        let until = this.next - this.scene;
        // What is further ahead than the worker's word reaches comes with another word.
        if this.running && this.scene + until <= this.heard + LEAD_MS {
            let (dots, alarm) = (Rc::clone(dots), this.alarms);
            let ring = move || {
                if dots.borrow().alarms == alarm {
                    Self::wake(&dots);
                }
            };
            set_timeout(ring, Duration::from_secs_f64(until.max(0.0) / 1000.0));
        }
    }

    /// Moves the scene on, and says by how much the dots are late.
    fn late(&mut self) -> f64 {
        let now = browser::now_ms();
        let ahead = if self.running { (now - self.heard_at).min(LEAD_MS) } else { 0.0 };
        self.scene = self.scene.max(self.heard + ahead);
        self.scene - (now + self.lead)
    }

    /// Puts all dots where they are in the scene, moving or not.
    fn put_right(&mut self) {
        self.lead += self.late();
        for Moving { hop, flight, .. } in &self.moving {
            if let Some((_, flight)) = flight {
                flight.seek(self.scene - hop.start, self.running);
            }
        }
    }

    fn measure(&mut self) {
        self.stale = false;
        self.places.clear();
        let origin = self.stage.get_bounding_client_rect();
        // In low frames and beside another the whole stage is drawn smaller (workbench.css, rewind.css); its own lengths are
        // not. They are told as whole numbers: what differs less than a pixel is no zoom.
        let whole = f64::from(self.stage.client_width());
        let own = if (whole - origin.width()).abs() < 1.0 { 1.0 } else { whole / origin.width() };
        self.width = origin.width() * own;
        let Ok(found) = self.stage.query_selector_all("[data-place]") else { return };
        for index in 0..found.length() {
            let Some(element) = found.item(index).and_then(|node| node.dyn_into::<Element>().ok()) else {
                continue;
            };
            let Some(place) = element.get_attribute("data-place") else { continue };
            let rect = element.get_bounding_client_rect();
            let rect = Rect {
                x: (rect.x() - origin.x()) * own,
                y: (rect.y() - origin.y()) * own,
                width: rect.width() * own,
                height: rect.height() * own,
            };
            // A member of several may bear its system's own name: the system comes first, and lines end on it.
            self.places.entry(place).or_insert(rect);
        }
        self.draw_lines();
    }

    /// Every line of the control plane ends on the API server's pane, every one of the traffic on the Services'.
    fn draw_lines(&mut self) {
        let pane_of = |place: &str| match place.split('@').next().unwrap_or_default() {
            "you" | "kube-scheduler" | "kube-controller-manager" | "etcd" | "kubelet" => {
                Some("kube-apiserver")
            }
            "kube-proxy" | "visitors" => Some("load-balancer"),
            _ => None,
        };
        let line = |(place, &rect): (&String, &Rect)| {
            let pane = self.places.get(pane_of(place)?)?;
            Some((place.clone(), route(rect, *pane)))
        };
        let wanted: Vec<(String, Route)> = self.places.iter().filter_map(line).collect();
        self.drawn.retain(|place, line| {
            let keep = wanted.iter().any(|(name, _)| name == place);
            if !keep {
                line.element.remove();
            }
            keep
        });
        for (place, way) in wanted {
            let line = self.drawn.entry(place).or_insert_with_key(|place| {
                let line = document()
                    .create_element_ns(Some("http://www.w3.org/2000/svg"), "line")
                    .expect("SVG has lines");
                set(&line, "data-to", place.split('@').next().unwrap_or_default());
                self.lines.append_child(&line).expect("the stage is on the page");
                Line { element: line, way: None, lit: false }
            });
            if line.way.replace(way) == Some(way) {
                continue;
            }
            for (name, value) in [("x1", way.from.x), ("y1", way.from.y), ("x2", way.to.x), ("y2", way.to.y)]
            {
                set(&line.element, name, &rounded(value, 1));
            }
        }
    }

    fn add(&mut self, hop: &Hop) {
        if self.moving.len() >= MOST {
            return;
        }
        let element: HtmlElement = document().create_element("i").expect("HTML has it").unchecked_into();
        let shape = if hop.traffic { "dot traffic" } else { "dot control" };
        element.set_class_name(&format!(
            "{shape}{}{}",
            if hop.accent { " accent" } else { "" },
            if hop.lost { " lost" } else { "" }
        ));
        if hop.accent && !hop.traffic {
            let label = document().create_element("span").expect("HTML has it");
            label.set_text_content(Some(format!("{} {}", hop.label, hop.object).trim_end()));
            element.append_child(&label).expect("an element takes a child");
        }
        set(&element, "hidden", "");
        self.layer.append_child(&element).expect("the stage is on the page");
        self.moving.push(Moving {
            hop: hop.clone(),
            element,
            flight: None,
            label: None,
            dying: false,
            number: 0,
        });
    }

    fn clear(&mut self) {
        for moving in self.moving.drain(..) {
            moving.element.remove();
        }
        for line in self.drawn.values_mut() {
            line.lit = false;
            set(&line.element, "class", "");
        }
    }

    fn move_all(&mut self) {
        let (scene, running, still, width) = (self.scene, self.running, self.still, self.width);
        let mut lit: Vec<&str> = Vec::new();
        let mut labels: Vec<Labelled> =
            self.places.get("kube-apiserver").map(|pane| title(*pane)).into_iter().collect();
        self.next = f64::INFINITY;
        for moving in &mut self.moving {
            let hop = &moving.hop;
            let dies = if hop.lost { hop.start + (hop.end - hop.start) * DEATH } else { hop.end };
            let edges = [hop.start, dies, hop.end];
            self.next = edges.into_iter().filter(|&edge| edge > scene).fold(self.next, f64::min);
            let ends = self.places.get(&hop.from).zip(self.places.get(&hop.to));
            let under_way = scene >= hop.start && scene < hop.end;
            let Some((&from, &to)) = ends.filter(|_| under_way) else {
                continue;
            };
            let way = route(from, to);
            if moving.flight.as_ref().is_none_or(|(before, _)| *before != way) {
                moving.set_out(way, width, still, &labels);
                if let Some((_, flight)) = &moving.flight {
                    flight.seek(scene - moving.hop.start, running);
                }
            }
            labels.extend(moving.label);
            toggle(&moving.element, "dying", &mut moving.dying, moving.hop.lost && scene >= dies);
            let hop = &moving.hop;
            if hop.accent && !hop.traffic {
                lit.push(if hop.to == "kube-apiserver" { &hop.from } else { &hop.to });
            }
        }
        for (place, line) in &mut self.drawn {
            toggle(&line.element, "lit", &mut line.lit, lit.contains(&place.as_str()));
        }
        self.moving.retain(|moving| {
            let keep = scene < moving.hop.end;
            if !keep {
                moving.element.remove();
            }
            keep
        });
    }

    /// While time stands still each dot has a number, and a card that bears the same.
    fn tell_halted(&mut self) {
        let scene = self.scene;
        let mut halted = Vec::new();
        for moving in &mut self.moving {
            let hop = &moving.hop;
            let on_its_way = !self.running && scene >= hop.start && scene <= hop.end;
            let shown =
                on_its_way && self.places.contains_key(&hop.from) && self.places.contains_key(&hop.to);
            if shown {
                halted.push(hop.clone());
            }
            let number = if shown { halted.len() } else { 0 };
            if number != moving.number {
                moving.number = number;
                if shown {
                    set(&moving.element, "data-number", &number.to_string());
                } else {
                    // Fails only for names that are no attribute names.
                    let _ = moving.element.remove_attribute("data-number");
                }
            }
        }
        if self.page.halted.with_untracked(|told| *told != halted) {
            self.page.halted.set(halted);
        }
    }

    /// A heartbeat: its line lights up once and fades.
    fn pulse(&self, place: &str) {
        if let Some(Line { element: line, .. }) = self.drawn.get(place) {
            // Two names for one animation: changing the name starts it again.
            let next = if line.class_list().contains("pulse-a") {
                ("pulse-a", "pulse-b")
            } else {
                ("pulse-b", "pulse-a")
            };
            let _ = line.class_list().remove_1(next.0);
            let _ = line.class_list().add_1(next.1);
        }
    }
}

impl Moving {
    /// Begins its way, or goes on on another one; its label keeps off `labels`, those of the others under way.
    fn set_out(&mut self, way: Route, width: f64, still: bool, labels: &[Labelled]) {
        match &self.flight {
            Some((_, flight)) => flight.cancel(),
            // Fails only for names that are no attribute names.
            None => _ = self.element.remove_attribute("hidden"),
        }
        if let Some(label) = self.element.first_element_child() {
            let whole = if still { Route { from: way.middle(), to: way.middle() } } else { way };
            self.put_label(&label, whole, width, labels);
        }
        let flight = if still {
            Flight::still(&self.element, way.middle())
        } else {
            Flight::begin(&self.element, way, self.hop.end - self.hop.start)
        };
        self.flight = Some((way, flight));
    }

    /// Nobody has caused anything yet when the page begins: what this needs comes later.
    #[inline(never)]
    fn put_label(&mut self, label: &Element, way: Route, width: f64, labels: &[Labelled]) {
        let letters = label.text_content().map_or(0, |text| text.chars().count());
        let letters = f64::from(u32::try_from(letters).unwrap_or(u32::MAX));
        let (letter, height) = if browser::presents() { LARGE_LETTER } else { LETTER };
        let length = (letters * letter + ENDS).min(width * LONGEST);
        let room = Rect { width: length, height, ..Rect::default() };
        let mut placed = Labelled { way, start: self.hop.start, end: self.hop.end, label: room };
        let (side, down) = beside(&mut placed, width, labels);
        self.label = Some(placed);
        label.set_class_name(match side {
            Beside::Right => "",
            Beside::Left => "left",
            Beside::Below(_) => "below",
        });
        let right = if let Beside::Below(right) = side { right } else { 0.0 };
        for (name, value) in [("--right", right), ("--down", down)] {
            // Fails only for names that are no properties.
            let _ = self.element.style().set_property(name, &format!("{}px", rounded(value, 0)));
        }
    }
}

fn toggle(element: &Element, class: &str, has: &mut bool, wanted: bool) {
    if *has != wanted {
        *has = wanted;
        // Fails only for names that are no class names.
        let _ = element.class_list().toggle_with_force(class, wanted);
    }
}

fn set(element: &Element, name: &str, value: &str) {
    // Fails only for names that are no attribute names.
    let _ = element.set_attribute(name, value);
}
