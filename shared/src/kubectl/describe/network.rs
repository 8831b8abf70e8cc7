//! Services, their endpoints, and Ingresses.

use crate::api::Kind;
use crate::doc::Doc;

use super::super::failure::Failure;
use super::super::io::Stop;
use super::super::resource::Target;
use super::parts::labelled;
use super::sheet::Sheet;
use super::values::bare;

/// The label by which slices name their Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

fn slices(sheet: &mut Sheet<'_, '_>, service: &str) -> Result<Result<Doc, Failure>, Stop> {
    labelled(sheet, Kind::EndpointSlice, &format!("{SERVICE_NAME}={service}"))
}

pub fn service_ports(sheet: &mut Sheet<'_, '_>, service: &Doc, _: &str) -> Result<(), Stop> {
    let slices = slices(sheet, &service["metadata"]["name"].str())?.unwrap_or_default();
    let balancer = &service["status"]["loadBalancer"]["ingress"];
    if !balancer.is_empty() {
        let address = |one: &Doc| match (one["ip"].is_null(), one["ipMode"].is_null()) {
            (true, _) => bare(&one["hostname"]),
            (false, true) => bare(&one["ip"]),
            (false, false) => format!("{} ({})", one["ip"].str(), one["ipMode"].str()),
        };
        let addresses: Vec<String> = balancer.items().iter().map(address).collect();
        sheet.line(0, format!("LoadBalancer Ingress:\t{}", addresses.join(", ")));
    }
    for port in service["spec"]["ports"].items() {
        sheet.fill(
            port,
            "\
Port:\t{name/<unset>}\t{port}/{protocol}
TargetPort:\t{targetPort}/{protocol}
?appProtocol AppProtocol:\t{appProtocol}
",
        )?;
        if port["nodePort"].as_i64().unwrap_or(0) != 0 {
            sheet.fill(port, "NodePort:\t{name/<unset>}\t{nodePort}/{protocol}")?;
        }
        sheet.line(0, format!("Endpoints:\t{}", serving(&slices, &port["name"].str())));
    }
    Ok(())
}

/// The first endpoints that are ready, and how many more there are.
fn serving(slices: &Doc, port: &str) -> String {
    const MOST: usize = 3;
    if slices.items().is_empty() {
        return "<none>".into();
    }
    let (mut shown, mut count, mut more) = (Vec::new(), 0, false);
    for slice in slices.items() {
        let ports = slice["ports"].items();
        let mut take = |port: Option<&Doc>| {
            for endpoint in slice["endpoints"].items() {
                more |= shown.len() == MOST;
                if endpoint["conditions"]["ready"].as_bool() == Some(false) {
                    continue;
                }
                count += 1;
                if !more {
                    let address = bare(&endpoint["addresses"][0]);
                    let address = if address.contains(':') { format!("[{address}]") } else { address };
                    shown.push(port.map_or_else(
                        || address.clone(),
                        |port| format!("{address}:{}", bare(&port["port"])),
                    ));
                }
            }
        };
        if ports.is_empty() {
            take(None);
        }
        ports.iter().filter(|of| *of["name"].str() == *port).for_each(|port| take(Some(port)));
    }
    let list = shown.join(",");
    if more { format!("{list} + {} more...", count - MOST) } else { list }
}

pub fn subsets(sheet: &mut Sheet<'_, '_>, endpoints: &Doc, _: &str) -> Result<(), Stop> {
    for subset in endpoints["subsets"].items() {
        for (title, field) in [("Addresses", "addresses"), ("NotReadyAddresses", "notReadyAddresses")] {
            let addresses: Vec<String> = subset[field].items().iter().map(|one| bare(&one["ip"])).collect();
            let addresses = addresses.join(",");
            let addresses = if addresses.is_empty() { "<none>" } else { &addresses };
            sheet.line(1, format!("{title}:\t{addresses}"));
        }
        sheet.fill(
            subset,
            "\
?ports >Ports:
?ports >>Name\tPort\tProtocol
?ports >>----\t----\t--------
*ports >>{name/<unset>}\t{port}\t{protocol}
",
        )?;
        sheet.line(0, "");
    }
    Ok(())
}

pub fn endpoints(sheet: &mut Sheet<'_, '_>, slice: &Doc, _: &str) -> Result<(), Stop> {
    for endpoint in slice["endpoints"].items() {
        sheet.fill(
            endpoint,
            "\
>- Addresses:\t{addresses:wide/<none>}
>>Conditions:
>>>Ready:\t{conditions.ready/<unset>}
>>Hostname:\t{hostname/<unset>}
?targetRef >>TargetRef:\t{targetRef.kind}/{targetRef.name}
>>NodeName:\t{nodeName/<unset>}
>>Zone:\t{zone/<unset>}
",
        )?;
    }
    Ok(())
}

/// Where an Ingress sends what comes.
fn backend(sheet: &mut Sheet<'_, '_>, backend: &Doc) -> Result<String, Stop> {
    let (service, resource) = (&backend["service"], &backend["resource"]);
    if !resource.is_null() {
        let group = resource["apiGroup"].as_str().unwrap_or("<none>");
        let (kind, name) = (resource["kind"].str(), resource["name"].str());
        return Ok(format!("APIGroup: {group}, Kind: {kind}, Name: {name}"));
    }
    if service.is_null() {
        return Ok(String::new());
    }
    let (name, port) = (service["name"].str(), &service["port"]);
    let number = port["number"].as_i64().unwrap_or(0);
    let shown =
        if number != 0 { format!("{name}:{number}") } else { format!("{name}:{}", port["name"].str()) };
    let error = |failure: Failure| match failure {
        Failure::Server(status) => format!("{shown} (<error: {}>)", status["message"].str()),
        other => format!("{shown} (<error: {}>)", other.among_others()),
    };
    let slices = match slices(sheet, &name)? {
        Ok(slices) => slices,
        Err(failure) => return Ok(error(failure)),
    };
    let response = sheet.io.request(Target::new(Kind::Service, &sheet.target.namespace, &name).get())?;
    if !response.is_success() {
        return Ok(error(Failure::of(&response)));
    }
    let fits = |of: &&Doc| match number {
        0 => of["name"] == port["name"],
        number => of["port"].as_i64() == Some(number),
    };
    let ports = response.body["spec"]["ports"].items();
    let called = ports.iter().rfind(fits).map(|port| port["name"].str()).unwrap_or_default();
    Ok(format!("{shown} ({})", serving(&slices, &called)))
}

pub fn rules(sheet: &mut Sheet<'_, '_>, ingress: &Doc, _: &str) -> Result<(), Stop> {
    let spec = &ingress["spec"];
    let default = match spec["defaultBackend"].is_null() {
        true => "<default>".to_owned(),
        false => backend(sheet, &spec["defaultBackend"])?,
    };
    sheet.line(0, format!("Default backend:\t{default}"));
    if !spec["tls"].is_empty() {
        sheet.line(0, "TLS:");
    }
    for tls in spec["tls"].items() {
        let hosts: Vec<String> = tls["hosts"].items().iter().map(bare).collect();
        let hosts = hosts.join(",");
        match tls["secretName"].str() {
            none if none.is_empty() => sheet.line(1, format!("SNI routes {hosts}")),
            secret => sheet.line(1, format!("{secret} terminates {hosts}")),
        }
    }
    sheet.line(0, "Rules:");
    sheet.line(1, "Host\tPath\tBackends");
    sheet.line(1, "----\t----\t--------");
    let mut any = false;
    for rule in spec["rules"].items().iter().filter(|rule| !rule["http"].is_null()) {
        any = true;
        let host = rule["host"].str();
        sheet.line(1, format!("{}\t", if host.is_empty() { "*" } else { &host }));
        for path in rule["http"]["paths"].items() {
            let to = backend(sheet, &path["backend"])?;
            sheet.line(2, format!("\t{} \t{to}", path["path"].str()));
        }
    }
    if !any {
        sheet.line(1, format!("*\t*\t{default}"));
    }
    Ok(())
}
