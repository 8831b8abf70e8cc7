//! What moves: messages on their way, heartbeats on their lines. Drawn straight into the DOM once a display frame,
//! past the reactive graph: a dozen elements whose position changes sixty times a second.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, HtmlElement, ResizeObserver, SvgElement};

use super::layout::{Point, Rect, Route, position, route};
use crate::{browser, protocol::Hop, state::Page, view_model::rounded};

/// Messages drawn singly at once; the worker already sends no more than a few.
const MOST: usize = 16;
/// How far the picture may run ahead of the worker's last word, in milliseconds of scene time.
const LEAD_MS: f64 = 120.0;
/// A label leaves the glass of the stage when it is placed beyond this share of its width.
const FLIP: f64 = 0.72;

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
    awake: bool,
    still: bool,
    tick: Option<Closure<dyn FnMut()>>,
}

/// What is not written again costs no style: a dot keeps what its element was last told.
struct Moving {
    hop: Hop,
    element: HtmlElement,
    shown: bool,
    /// Whether its label stands on the other side.
    left: bool,
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
            awake: false,
            still: browser::reduced_motion(),
            tick: None,
        }));
        let again = Rc::clone(&dots);
        dots.borrow_mut().tick = Some(Closure::new(move || Self::draw(&again)));
        let resized = Rc::clone(&dots);
        let on_resize = Closure::<dyn FnMut()>::new(move || {
            resized.borrow_mut().stale = true;
            Self::wake(&resized);
        });
        // Browsers without it keep the first measures; all current ones have it.
        if let Ok(observer) = ResizeObserver::new(on_resize.into_js_value().unchecked_ref()) {
            observer.observe(&stage);
        }
        let moved = Rc::clone(&dots);
        Effect::new(move |_| {
            // Cards and pods that come and go move the others.
            page.nodes.track();
            page.pods.track();
            page.services.track();
            moved.borrow_mut().stale = true;
            Self::wake(&moved);
        });
        Effect::new(move |_| {
            let frame = page.frame.get();
            let clock = page.clock.get_untracked();
            {
                let mut dots = dots.borrow_mut();
                if frame.reset {
                    dots.clear();
                    dots.scene = frame.scene;
                }
                dots.heard = frame.scene;
                dots.heard_at = browser::now_ms();
                dots.running = clock.running;
                for hop in &frame.hops {
                    dots.add(hop);
                }
                for place in &frame.heartbeats {
                    dots.pulse(place);
                }
            }
            Self::wake(&dots);
        });
    }

    fn wake(dots: &Shared) {
        let mut this = dots.borrow_mut();
        if !this.awake {
            this.awake = true;
            this.request();
        }
    }

    fn request(&self) {
        if let Some(tick) = &self.tick {
            // Without a window there is nothing to draw on.
            let _ = window().request_animation_frame(tick.as_ref().unchecked_ref());
        }
    }

    fn draw(dots: &Shared) {
        let mut this = dots.borrow_mut();
        if this.stale {
            this.measure();
        }
        let ahead = if this.running { (browser::now_ms() - this.heard_at).min(LEAD_MS) } else { 0.0 };
        this.scene = this.scene.max(this.heard + ahead);
        this.move_all();
        this.tell_halted();
        if this.moving.is_empty() || !this.running {
            this.awake = false;
        } else {
            this.request();
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
            shown: false,
            left: false,
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
        let scene = self.scene;
        let mut lit: Vec<&str> = Vec::new();
        for moving in &mut self.moving {
            let ends = self.places.get(&moving.hop.from).zip(self.places.get(&moving.hop.to));
            let under_way = scene >= moving.hop.start && scene <= moving.hop.end;
            let Some((&from, &to)) = ends.filter(|_| under_way) else {
                continue;
            };
            let length = (moving.hop.end - moving.hop.start).max(1.0);
            let progress = (scene - moving.hop.start) / length;
            moving.place(position(route(from, to), if self.still { 0.5 } else { progress }), self.width);
            let hop = &moving.hop;
            if hop.lost {
                toggle(&moving.element, "dying", &mut moving.dying, progress > 0.75);
            }
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
    fn place(&mut self, point: Point, width: f64) {
        if !self.shown {
            self.shown = true;
            // Fails only for names that are no attribute names.
            let _ = self.element.remove_attribute("hidden");
        }
        toggle(&self.element, "left", &mut self.left, point.x > width * FLIP);
        let _ = self.element.style().set_property(
            "transform",
            &format!("translate({}px,{}px)", rounded(point.x, 1), rounded(point.y, 1)),
        );
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
