"""Cases of key statements, registrations, standing and the number index (sections 17 to 21)."""

import cbor
import certificate as certificates
import index_head
import index_labels
import index_list
import index_tree
import leaf as leaves
import policy as policies
import registration as registrations
import registration_receipt as registration_receipts
import standing as standings
import statement as statements
from case import Mismatch
from cases_log import ENTRY_WORDS


def key_statement(case):
    """Section 17: what a log with two leaves makes of a submission."""
    log_id, pair = case.hex("log_id"), [case.hex("old"), case.hex("new")]
    found = {leaves.read(data).index: data for data in pair}
    entry = statements.submit(log_id, case.hex("statement"), found)
    case.expect("entry", cbor.encode(entry).hex())
    case.expect("signed_bytes", statements.signed_bytes(log_id, entry).hex())


def registration(case):
    """Section 18: what a log with one leaf makes of a submission."""
    credential, service, last = leaves.read(case.hex("credential")), case["resolution_service"], case["last"]
    services = {service["name"]: [bytes.fromhex(key) for key in service["keys"]]}
    log = registrations.Log(case.hex("log_id"), case.hex("label"), {credential.index: credential}, services)
    if last is not None:
        last = registrations.Last(**last | {"action": ENTRY_WORDS["action"].index(last["action"])})
    last = registrations.remembered(last, case["now"])
    found = registrations.submit(log, case.hex("submission"), last, case["now"])
    opening = certificates.opening(case.hex("opening_secret"), found.identity)
    case.expect("identity", found.identity.hex())
    case.expect("opening", opening.hex())
    case.expect("entry", cbor.encode(registrations.entry_of(found, log.label, opening, last)).hex())


def standing(case):
    """Section 20: the credentials and the registrations of a number."""
    found = standings.Standing(case.hex("log_id"), case.hex("label"), case.hexes("leaves"))
    now = case["now"] // 1000
    credentials = [
        {"leaves": one.leaves, "repeated_id": one.repeated_id, "verdict": found.verdict(one.index, now)}
        for one in found.credentials
    ]
    case.expect("credentials", credentials)
    case.expect("registrations", found.states(now))
    case.expect("faulty_statements", found.faulty_statements)
    for asked in case.get("asked", []):
        if found.verdict(asked["leaf"], now) != asked["verdict"]:
            raise Mismatch(f"asked about {asked['leaf']}")


def registration_receipt(case):
    """Section 19: what an app decides about a registration of a peer that it verified."""
    parameters = {value[1]: value for value in map(cbor.decode, case.hexes("parameters"))}
    shown = case["peer"]
    names = shown["numbers"], shown["origin"], shown["index"]
    peer = registration_receipts.Peer(bytes.fromhex(shown["subject_key"]), *names)
    services = {item["name"]: [bytes.fromhex(key) for key in item["keys"]] for item in case["services"]}
    asked, now = (case["number"], case["service"]), case["now"] // 1000
    app = policies.parse(case["policy"]), parameters, services
    found = registration_receipts.verify(case["receipt"].encode("utf-8"), peer, asked, now, *app)
    case.expect("index", found.index)
    case.expect("timestamp", found.timestamp)
    case.expect("leaf", found.leaf.hex())


def index_entries(items):
    """Entries of the index, as the vectors write them."""
    return [
        index_tree.Entry(bytes.fromhex(item["label"]), item["count"], bytes.fromhex(item["list_root"]))
        for item in items
    ]


def index_proof(case):
    """Section 21.3: a proof, with an old answer or without."""
    query = [index_tree.bits(bytes.fromhex(item["prefix"]), item["bits"]) for item in case["query"]]
    root = case.hex("root")
    found = index_tree.verify(case.hex("proof"), query, root, index_entries(case.get("known", [])))
    if found != index_entries(case["found"]):
        raise Mismatch(f"found: {found}")
    if "" in query and index_tree.root_of(found) != root:
        raise Mismatch("the root of all labels")


def index_leaf(case):
    """Section 21.1: the labels of a leaf."""
    case.expect("labels", [label.hex() for label in index_labels.of_leaf(case.hex("leaf"))])


def index_page(case):
    """Section 21.4: a page of a list."""
    known = index_list.Known(case["known_count"], case.hex("known_root"), case["known_last"])
    whole = case["count"], case.hex("list_root")
    items, read = index_list.verify(case.hex("page"), known, whole, case["size"])
    case.expect("items", items)
    case.expect("read_count", read.count)
    case.expect("read_root", read.root.hex())
    if known.count == 0:
        case.expect("read_root", index_list.list_root(items).hex())


def index_head_case(case):
    """Section 21.5: a head of the index log."""
    found = index_head.read(case.hex("head"))
    if case.get("size") is not None:
        case.expect("size", found.size)
    case.expect("root", found.root.hex())
    case.expect("index_root", found.index_root.hex())
    case.expect("labels", found.labels)


HANDLERS = {
    "index": {"labels": index_leaf, "proof": index_proof, "page": index_page, "head": index_head_case},
    "registration": {"registration": registration, "registration-receipt": registration_receipt},
    "standing": {None: standing},
    "statement": {None: key_statement},
}
