# SPDX-License-Identifier: Apache-2.0
# fhirctl load: formats, references, ids, what a second load does, what is rejected, and what is left
# after a crash.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(built read_file run spawn wait_for work_dir write_file);
use IO::Compress::Gzip qw(gzip);
use JSON::PP ();
use Test::More;

my $t = FHIR::Test->new(start => 0);
my $json = JSON::PP->new->utf8->canonical;
my $dir = work_dir() . '/in';
my $rejects = work_dir() . '/rejects.ndjson';
mkdir $dir;

sub file {
    my ($name, @parts) = @_;
    return write_file("$dir/$name", join '', map { ref ? $json->encode($_) . "\n" : $_ } @parts);
}

sub pretty { return JSON::PP->new->utf8->canonical->pretty->encode(shift) }

# Loads and returns { status, new, changed, unchanged, rejected, out, err, rejects => [ … ] }.
sub load {
    my @arguments = @_;
    my $options = ref $arguments[0] ? shift @arguments : {};
    unlink $rejects;
    my $done = $t->fhirctl($options, 'load', '--rejects', $rejects, @arguments);
    (my $numbers = $done->{out}) =~ s/(\d),(\d)/$1$2/g;
    $done->{$2} = $1 while $numbers =~ /(\d+) (new|changed|unchanged|rejected)/g;
    $done->{rejects} = [ -e $rejects ? map { $json->decode($_) } split /\n/, read_file($rejects) : () ];
    return $done;
}

sub counts {
    my ($done, $want, $name) = @_;
    my $got = join ' ', map { "$_=" . ($done->{$_} // '?') } qw(new changed unchanged rejected);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($got, $want, $name) or diag($done->{out}, $done->{err});
    return;
}

sub stored { my ($table, $id) = @_; return $t->psql("SELECT resource FROM main.\"$table\" WHERE id = '$id'") }
sub field { my ($table, $id,
        $expression) = @_; return $t->psql("SELECT $expression FROM main.\"$table\" WHERE id = '$id'") }
sub bundle { my ($type, @entries) = @_; return { resourceType => 'Bundle', type => $type, entry => \@entries } }
sub narrative { return { status => 'generated', div => qq{<div xmlns="http://www.w3.org/1999/xhtml">$_[0]</div>} } }
sub basic { my ($id, %more) = @_; return { resourceType => 'Basic', id => $id, code => { text => 'x' }, %more } }

# ---- formats ----

counts(load(file('one.ndjson', basic('n1'), "\n", basic('n2'))), 'new=2 changed=0 unchanged=0 rejected=0', 'NDJSON');
counts(load(file('one.json', pretty(basic('s1')))), 'new=1 changed=0 unchanged=0 rejected=0',
    'a resource over several lines');
my $part = load(file('part.ndjson', { %{ basic('part') }, meta => { tag => [ {
        system => 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code => 'SUBSETTED' } ] } }));
counts($part, 'new=0 changed=0 unchanged=0 rejected=1', 'a part of a resource is rejected');
like join('', map { $_->{reason} // $json->encode($_) } @{ $part->{rejects} }), qr/SUBSETTED/, '... with the reason';
counts(load(file('noend.ndjson', '{"resourceType":"Basic","id":"n3"}')), 'new=1 changed=0 unchanged=0 rejected=0',
    'no line feed at the end');
counts(load(file('bom.json', "\xEF\xBB\xBF", basic('n4'))), 'new=1 changed=0 unchanged=0 rejected=0',
    'a byte order mark');
for my $type (qw(transaction batch collection searchset)) {
    my $bundle = bundle($type, map { { resource => basic("$type-$_") } } 1 .. 3);
    counts(load(file("$type.json", pretty($bundle))), 'new=3 changed=0 unchanged=0 rejected=0',
        "a Bundle of type $type");
}
counts(load(file('lines.ndjson', bundle('collection', { resource => basic('l1') }),
        bundle('batch', { resource => basic('l2') }))),
    'new=2 changed=0 unchanged=0 rejected=0', 'Bundles as lines');
counts(load(file('searchset2.json', bundle('searchset', { resource => basic('o1') },
    { resource => { resourceType => 'OperationOutcome', issue => [] }, search => { mode => 'outcome' } }))),
    'new=1 changed=0 unchanged=1 rejected=0', "a searchset's OperationOutcome is left out");
counts(load(file('document.json', { %{ bundle('document', { resource => basic('inside') }) }, id => 'doc' })),
    'new=1 changed=0 unchanged=0 rejected=0', 'a document is a resource itself');
like stored('bundle', 'doc'), qr/"inside"/, 'and is stored whole';
is stored('basic', 'inside'), '', 'its entries are not unpacked';

my $gz;
gzip(\join('', map { $json->encode(basic("z$_")) . "\n" } 1 .. 5), \$gz);
counts(load(file('zipped.ndjson.gz', $gz)), 'new=5 changed=0 unchanged=0 rejected=0', 'gzip');
counts(load({ stdin => $gz }, '-'), 'new=0 changed=0 unchanged=5 rejected=0', 'gzip on standard input');
counts(load({ stdin => join '', map { $json->encode(basic("i$_")) . "\n" } 1 .. 3 }, '-'),
    'new=3 changed=0 unchanged=0 rejected=0', 'NDJSON on standard input');

mkdir "$dir/folder";
mkdir "$dir/folder/below";
file('folder/a.json', pretty(basic('f1')));
file('folder/below/b.jsonl', basic('f2'), basic('f3'));
file('folder/readme.txt', 'nothing to load');
file('folder/.hidden.json', basic('f4'));
counts(load("$dir/folder"), 'new=3 changed=0 unchanged=0 rejected=0', 'a folder, and those in it');

# ---- what is stored ----

my $line = '{ "resourceType" : "Basic", "id":"bytes","code":{"text":"\\u00e9 \\/"},"extension":[{"url":"u",'
    . '"valueDecimal":1.00}] }';
load(file('bytes.ndjson', "$line\n"));
(my $kept = stored('basic', 'bytes')) =~ s/,"meta":\{"versionId":"1","lastUpdated":"([^"]+)"\}//;
is $kept, $line, 'a line is stored byte for byte, with the stamp';
is $1, field('basic', 'bytes', q{to_char(last_updated, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')}), 'lastUpdated is the column';
load(file('spaces.json',
        "{\n \"resourceType\": \"Basic\",\n \"id\": \"spaces\",\n \"code\": { \"text\": \" a  b \" }\n}\n"));
like stored('basic', 'spaces'),
    qr/^\{"resourceType":"Basic","id":"spaces","meta":\{[^}]+\},"code":\{"text":" a  b "\}\}$/,
    "a file's layout is not stored";
load(file('obs.ndjson', { resourceType => 'Observation', id => 'o', status => 'final',
        code => { coding => [ { system => 's', code => 'c' } ] },
    subject => { reference => 'Patient/p' }, effectiveDateTime => '2015-02-03',
    valueString => "tab\there \\ \"q\"\nline" }));
is field('observation', 'o', q{patient || ' ' || patient_date || ' ' || code::text}),
    'p 2015-02-03 00:00:00+00 {c,s|c}', 'search values';
is field('observation', 'o', 'value_string_exact[1]'), "tab\there \\ \"q\"\nline", 'COPY escapes';

# What COPY is given in binary form comes out as it was written.
my @numbers = qw(0 -0.0 1 -1 7.50 10000 9999 123456789.0001 0.5 0.05 0.00012 -0.0001 1E-22 1.50e3 12e10 5e-1 -2.5E+0
    100000000000000000000000.1
    0.000000000000000000000000000001 1234.5678e-3);
load(file('numbers.ndjson', map { qq({"resourceType":"Observation","id":"q$_","status":"final","code":{"text":"x"},)
    . qq("valueQuantity":{"value":$numbers[$_]},"component":[)
    . qq({"code":{"text":"x"},"valueQuantity":{"value":$numbers[$_],"unit":"u\\"\\\\"}},)
    . qq({"code":{"text":"x"},"valueQuantity":{"value":1}}]}\n) } 0 .. $#numbers));
is $t->psql(qq{SELECT value_quantity_low::text || ' ' || component_value_quantity_high::text FROM main.observation
    WHERE id = 'q$_'}),
    $t->psql(qq{SELECT n::numeric || ' ' || ARRAY[n::numeric, 1]::text FROM (VALUES ('$numbers[$_]')) v(n)}),
    "the number $numbers[$_]" for 0 .. $#numbers;
my %day = (resourceType => 'Observation', status => 'final', code => { text => 'x' },
    effectiveDateTime => '2015-07-01');
load('--time-zone', 'America/New_York', file('zone.ndjson', { %day, id => 'zone' },
        { %day, id => 'own', effectiveDateTime => '2015-07-01T00:00:00Z' }));
is field('observation', 'zone', q{date_low || ' ' || date_high}), '2015-07-01 04:00:00+00 2015-07-02 04:00:00+00',
    'a day of the zone';
is field('observation', 'own', 'date_low'), '2015-07-01 00:00:00+00', 'a time with a zone of its own';
my $zone = load('--time-zone', 'Mars/Olympus', file('none.ndjson', ''));
isnt $zone->{status}, 0, 'no such zone';
like $zone->{err}, qr/--time-zone Mars\/Olympus: not accepted; it takes a name of the time zone database/,
    'says what is accepted';
is field('observation', 'q1', 'component_value_quantity_unit[1]'), 'u"\\', 'quotes in an array';
is field('observation', 'q1', 'component_value_quantity_unit[2] IS NULL'), 't', 'NULL in an array';
my @times = qw(0001-01-01T00:00:00Z 1899-12-31T23:59:59.5Z 1999-12-31T23:59:59.999999Z 2000-02-29T12:00:00Z
    2024-02-29T01:02:03.045-05:00 9999-12-30T00:00:00Z);
load(file('times.ndjson', map { { resourceType => 'Observation', id => "t$_", status => 'final',
        code => { text => 'x' }, effectiveDateTime => $times[$_] } } 0 .. $#times));
is field('observation', "t$_", 'date_low'), $t->psql("SELECT '$times[$_]'::timestamptz"), "the time $times[$_]"
    for 0 .. $#times;
load(file('open.ndjson', { resourceType => 'Encounter', id => 'open', status => 'in-progress', class => { code => 'x' },
        period => { start => '2020' } }));
is field('encounter', 'open', q{date_low || ' ' || date_high}), '2020-01-01 00:00:00+00 infinity', 'an open end';
load(file('place.ndjson', { resourceType => 'Location', id => 'place', position => { latitude => 42.25475478,
        longitude => -83.6945691 } }));
is field('location', 'place', q{near_latitude || ' ' || near_longitude}), '42.25475478 -83.6945691', 'double precision';
load(file('pair.ndjson', { resourceType => 'Observation', id => 'pair', status => 'final', code => { text => 'x' },
    component => [ { code => { coding => [ { code => 'c"d' } ] }, valueQuantity => { value => 1.5 } } ] }));
is field('observation', 'pair', q{component_code_value_quantity #>> '{0,0,0}'}), 'c"d', 'jsonb';

# ---- ids and references ----

my ($p, $e) = ('11111111-2222-3333-4444-555555555555', '66666666-7777-8888-9999-000000000000');
load(file('tx.json', bundle('transaction',
    { fullUrl => "urn:uuid:$e", resource => { resourceType => 'Encounter', status => 'finished',
        class => { code => 'AMB' },
        subject => { reference => "urn:uuid:$p" },
        identifier => [ { system => 'urn:ietf:rfc:3986', value => "urn:uuid:$p" } ] }, request => { method => 'POST',
        url => 'Encounter' } },
    { fullUrl => "urn:uuid:$p", resource => { resourceType => 'Patient', gender => 'female' },
        request => { method => 'POST', url => 'Patient' } },
    { fullUrl => 'https://elsewhere.example/fhir/Device/d7', resource => { resourceType => 'Device',
        patient => { reference => "urn:uuid:$p" } } },
    { resource => { resourceType => 'Flag', id => 'fl', status => 'active', code => { text => 'x' },
        subject => { reference => "urn:uuid:$p" },
        author => { reference => 'https://elsewhere.example/fhir/Device/d7' },
        encounter => { reference => 'urn:uuid:unknown' } } },
    { resource => { resourceType => 'DocumentReference', id => 'dr', status => 'current',
        content => [ { attachment => { url => "urn:uuid:$e" } } ] } },
    { resource => { resourceType => 'Basic', code => { text => 'put' } }, request => { method => 'PUT',
        url => 'Basic/put-id' } },
    { resource => basic('told', text => narrative(qq{<a href="urn:uuid:$p">p</a> <a href='urn:uuid:$e' title="=">}
        . qq{\x{e9}</a> <a href="urn:uuid:x">urn:uuid:$p</a>})) })));
is field('basic', 'told', q{resource::json #>> '{text,div}'}),
    narrative(qq{<a href="Patient/$p">p</a> <a href='Encounter/$e' title="=">\xc3\xa9</a> <a href="urn:uuid:x">}
        . qq{urn:uuid:$p</a>})->{div},
    'links of a narrative, and nothing else in it';
is field('encounter', $e, 'subject'), "Patient/$p", 'urn:uuid of a later entry';
is field('encounter', $e, 'identifier[1]'), "urn:uuid:$p", 'an identifier stays as it is';
is field('patient', $p, 'gender'), 'female', 'the id is that of fullUrl';
is field('device', 'd7', 'patient'), $p, 'also of an http one';
is field('flag', 'fl', 'author'), 'Device/d7', 'a reference by fullUrl';
is field('flag', 'fl', 'encounter'), 'urn:uuid:unknown', 'what is not in the Bundle stays';
is field('documentreference', 'dr', q{resource::json #>> '{content,0,attachment,url}'}), "Encounter/$e", 'a url';
is field('basic', 'put-id', 'version'), 1, "an id from the request's URL";

# Entries from another server refer to each other relative to their own addresses; here the ids differ.
my $far = 'http://far.example/fhir';
load(file('far.json', bundle('collection',
    { fullUrl => "$far/Patient/1", resource => { resourceType => 'Patient', id => 'far-patient' } },
    { fullUrl => "$far/ValueSet/1", resource => { resourceType => 'ValueSet', id => 'far-set', status => 'draft',
        url => "$far/ValueSet/1" } },
    { fullUrl => "$far/Flag/1", resource => { resourceType => 'Flag', id => 'far-flag', status => 'active',
        code => { text => 'x' }, subject => { reference => 'Patient/1' },
        author => { reference => "$far/Patient/1/_history/3" }, encounter => { reference => 'Encounter/1' } } },
    { fullUrl => 'urn:uuid:c0000000-0000-0000-0000-000000000001', resource => { resourceType => 'Flag',
        id => 'near-flag', status => 'active', code => { text => 'x' }, subject => { reference => 'Patient/1' },
        extension => [ { url => 'http://x', valueUuid => 'urn:uuid:c0000000-0000-0000-0000-000000000001' } ] } })));
is field('flag', 'far-flag', 'subject'), 'Patient/far-patient', 'a relative reference to an entry beside this one';
is field('flag', 'far-flag', 'author'), 'Patient/far-patient', 'a reference to a version, whose number is not known';
is field('flag', 'far-flag', 'encounter'), 'Encounter/1', 'a relative reference to what is not in the Bundle';
is field('flag', 'near-flag', 'subject'), 'Patient/1', 'a relative reference in an entry from elsewhere';
is field('flag', 'near-flag', q{resource::json #>> '{extension,0,valueUuid}'}),
    'urn:uuid:c0000000-0000-0000-0000-000000000001', 'a uuid stays: an address is no valid value of it';
is field('valueset', 'far-set', 'url'), "$far/ValueSet/1", 'so does the canonical URL that is the fullUrl';

my @nameless = ({ resourceType => 'Basic', code => { text => 'no id' } },
    { resourceType => 'Basic', code => { text => 'no id either' } });
counts(load(file('nameless.ndjson', @nameless)), 'new=2 changed=0 unchanged=0 rejected=0', 'resources without an id');
counts(load(file('nameless2.json', pretty($nameless[1]))), 'new=0 changed=0 unchanged=1 rejected=0',
    'get the same one again');

# Conditions: the practitioner comes after those who refer to her, in another file.
my $npi = 'http://hl7.org/fhir/sid/us-npi';
sub practitioner {
    my ($value, %more) = @_;
    return { resourceType => 'Practitioner', identifier => [ { system => $npi, value => "$value" } ], %more };
}
sub role { my ($id, $reference) = @_; return { resourceType => 'PractitionerRole', id => $id,
        practitioner => { reference => $reference } } }
my $exists = sub { { method => 'POST', url => 'Practitioner', ifNoneExist => "identifier=$npi|$_[0]" } };

my $first = file('c1.json', bundle('transaction', { resource => role('r1', "Practitioner?identifier=$npi|1") },
    { resource => role('r2', "Practitioner?identifier=$npi%7C2") },
    { resource => role('r3', "Practitioner?identifier=$npi|none") },
    { resource => role('r4', 'Practitioner?name=x') }));
my $second = file('c2.json', bundle('batch',
    { fullUrl => 'urn:uuid:a0000000-0000-0000-0000-000000000001', resource => practitioner(1),
        request => $exists->(1) },
    { resource => role('r5', 'urn:uuid:a0000000-0000-0000-0000-000000000001') }));
my $third = file('c3.ndjson', practitioner(2, id => 'two'), role('r6', "Practitioner?identifier=$npi|2"));
my $done = load($first, $second, $third);
counts($done, 'new=6 changed=0 unchanged=0 rejected=2', 'conditional references');
is field('practitionerrole', 'r1', 'practitioner'), 'Practitioner/a0000000-0000-0000-0000-000000000001',
    'to a later file';
is field('practitionerrole', 'r2', 'practitioner'), 'Practitioner/two', 'to a later NDJSON file, escaped';
is field('practitionerrole', 'r5', 'practitioner'), 'Practitioner/a0000000-0000-0000-0000-000000000001',
    'by fullUrl of an ifNoneExist';
is field('practitionerrole', 'r6', 'practitioner'), 'Practitioner/two', 'from a line';
my %reason = map { $_->{resource}{id} => $_ } @{ $done->{rejects} };
like $reason{r3}{reason}, qr/matches no resource/, 'no match';
is_deeply [ @{ $reason{r3} }{qw(file line entry)} ], [ $first, 1, 3 ], 'its place';
like $reason{r4}{reason}, qr/only TYPE\?identifier=SYSTEM\|VALUE is/, 'another condition';

counts(load($second), 'new=0 changed=0 unchanged=2 rejected=0', 'ifNoneExist: there already');
$done = load(file('c4.json', bundle('transaction',
    { fullUrl => 'urn:uuid:b0000000-0000-0000-0000-000000000001', resource => practitioner(1, gender => 'male'),
        request => $exists->(1) },
    { resource => role('r7', 'urn:uuid:b0000000-0000-0000-0000-000000000001') },
    { resource => practitioner(2, gender => 'male'), request => { method => 'PUT',
        url => "Practitioner?identifier=$npi|2" } })));
counts($done, 'new=1 changed=1 unchanged=1 rejected=0', 'conditions that match');
is field('practitionerrole', 'r7', 'practitioner'), 'Practitioner/a0000000-0000-0000-0000-000000000001',
    'references go to the one that was there';
is field('practitioner', 'two', q{version || ' ' || gender}), '2 male', 'a conditional PUT changes it';
load(file('twin.ndjson', practitioner(1, id => 'twin')));
$done = load(file('c5.json', bundle('transaction', { resource => role('r8', "Practitioner?identifier=$npi|1") }),
    bundle('transaction', { resource => practitioner(1), request => $exists->(1) })));
counts($done, 'new=0 changed=0 unchanged=0 rejected=2', 'conditions that match two');
like $_->{reason}, qr/several resources/, 'the reason' for @{ $done->{rejects} };

# ---- narratives are held to what REST takes ----

my @told = ([ '<script>x</script>', 'element is not allowed' ],
    [ '<p onclick="x()">y</p>', 'attribute is not allowed' ],
    [ '<a href="javascript:x()">y</a>', 'URL is not allowed' ], [ '<p>', 'does not match' ],
    [ '&nbsp;', 'unknown entity|entities of HTML' ], [ ' ', 'no content' ]);
my @lines = map { basic("told$_", text => narrative($told[$_][0])) } 0 .. $#told;
my %said = map { $_->{resource}{id} => $_ } @{ load(file('told.ndjson', @lines))->{rejects} };
like $said{"told$_"}{reason}, qr/$told[$_][1]/, "a narrative of $told[$_][0]" for 0 .. $#told;
is $said{told0}{expression}, 'Basic.text.div', 'its element';
my $inner = { resourceType => 'Basic', id => 'i', text => narrative('<script>x</script>'), code => { text => 'x' } };
counts(load(file('told.json', bundle('batch', { resource => $lines[0] },
        { resource => basic('holds', contained => [$inner]) },
        { resource => basic('sound', text => narrative('x')) }))),
    'new=1 changed=0 unchanged=0 rejected=2', 'in a Bundle, and in a contained resource');

# ---- again, changed, deleted, twice ----

counts(load("$dir/one.ndjson", "$dir/transaction.json", "$dir/zipped.ndjson.gz", "$dir/bytes.ndjson",
        "$dir/spaces.json"),
    'new=0 changed=0 unchanged=12 rejected=0', 'the same input again');
my $before = stored('basic', 'n1');
counts(load(file('changed.ndjson', basic('n1', created => '2020-01-01'), basic('n2'))),
    'new=0 changed=1 unchanged=1 rejected=0',
    'a changed resource');
is field('basic', 'n1', q{version || ' ' || created_low || ' ' || (resource::json->'meta'->>'versionId')}),
    '2 2020-01-01 00:00:00+00 2', 'is version 2';
is $t->psql(q{SELECT version || method || resource FROM main.basic_history WHERE id = 'n1'}), "1C$before",
    'the old one is history';
load("$dir/one.ndjson");
is $t->psql(q{SELECT string_agg(version || method, ' ' ORDER BY version) FROM main.basic_history WHERE id = 'n1'}),
    '1C 2U', 'and again';

$t->psql(q{WITH gone AS (DELETE FROM main.basic WHERE id = 'n2' RETURNING id)
    INSERT INTO main.basic_history (id, version, last_updated, method) SELECT id, 2, now(), 'D' FROM gone});
counts(load("$dir/one.ndjson"), 'new=1 changed=0 unchanged=1 rejected=0', 'a deleted resource comes back');
is field('basic', 'n2', q{version || ' ' || (resource::json->'meta'->>'versionId')}), '3 3',
    'as the version after the deletion';

counts(load(file('twice.ndjson', map({ { resourceType => 'Goal', id => 'g', description => { text => "$_" } } } 1 .. 3),
    { resourceType => 'Goal', id => 'g', description => { text => '3' } })), 'new=1 changed=2 unchanged=1 rejected=0',
    'one id several times, in an empty table');
is field('goal', 'g', q{version || (resource::json->'description'->>'text')}), '33', 'the last one stands';

# ---- rejects ----

my @bad = (
    [ '{"resourceType":"Basic","id":"x",', qr/^JSON, line 1/, 'cut off' ],
    [ '{"resourceType":"Basic","id":"x","id":"y"}', qr/^JSON/, 'a member twice' ],
    [ 'nonsense', qr/^JSON/, 'no JSON' ],
    [ '[1]', qr/not a FHIR resource/, 'an array' ],
    [ '{"id":"x"}', qr/not a FHIR resource/, 'no type' ],
    [ '{"resourceType":"Basik","id":"x"}', qr/"Basik", which FHIR 4.0.1 does not know/, 'an unknown type' ],
    [ '{"resourceType":"Basic","id":"x y"}', qr/id is invalid/, 'a bad id' ],
    [ '{"resourceType":"Basic","id":7}', qr/Basic\.id must be a JSON string/, 'an id that is a number' ],
    [ '{"resourceType":"Basic","id":"x","colour":"red"}', qr/Basic\.colour is not an element/, 'an unknown element' ],
    [ '{"resourceType":"Basic","id":"x","code":[{}]}', qr/Basic\.code must not be an array/, 'an array where none is' ],
    [ '{"resourceType":"Basic","id":"x","identifier":{}}', qr/Basic\.identifier must be an array/, 'an array missing' ],
    [ '{"resourceType":"Basic","id":"x","code":"c"}', qr/Basic\.code must be a JSON object/, 'a string for an object' ],
    [ '{"resourceType":"Basic","id":"x","meta":"m"}', qr/Basic\.meta must be a JSON object/, 'meta that is a string' ],
    [ '{"resourceType":"Patient","id":"x","active":"yes"}', qr/Patient\.active must be true or false/,
        'a string for a boolean' ],
    [ '{"resourceType":"Patient","id":"x","name":[{"given":[{}]}]}',
        qr/Patient\.name\[0\]\.given\[0\] must be a JSON string/, 'an object for a string' ],
    [ '{"resourceType":"Patient","id":"x","_name":[{}]}', qr/Patient\._name\[0\] is not an element/,
        'an underscore where none is' ],
    [ '{"resourceType":"Basic","id":"x","contained":[{"resourceType":"Nothing"}]}',
        qr/Basic\.contained\[0\] has resourceType "Nothing"/, 'an unknown contained type' ],
    [ '{"resourceType":"Bundle","type":"history"}', qr/of type history is not loaded/, 'a history Bundle' ],
    [ '{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"DELETE","url":"Basic/n1"}}]}',
        qr/DELETE: only POST and PUT/, 'a DELETE' ],
    [ '{"resourceType":"Bundle","type":"batch","entry":[{"fullUrl":"urn:uuid:7"}]}', qr/holds no resource/,
        'an entry without a resource' ],
    [ '{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Basic","id":"x"},"request"'
        . ':{"method":"PUT","url":"Basic/y"}}]}',
        qr/request\.url does not fit/, 'a PUT to another id' ],
);
my $mixed = file('bad.ndjson', map { ("$_->[0]\n", basic('good' . ++$t->{n})) } @bad);
$done = load($mixed);
is $done->{status}, 1, 'the exit status says that some were rejected';
counts($done, 'new=' . @bad . ' changed=0 unchanged=0 rejected=' . @bad, 'bad ones do not stop the rest');
like $done->{err}, qr/\Q$rejects\E/, 'the reject file is named';
is sprintf('%o', (stat $rejects)[2] & 0777), '600', 'only its owner reads it';
my %at = map { $_->{line} => $_ } @{ $done->{rejects} };
for my $i (0 .. $#bad) {
    my $got = $at{ 2 * $i + 1 };
    like $got->{reason} // '(not rejected)', $bad[$i][1], "$bad[$i][2]: the reason";
    is $got->{file}, $mixed, "$bad[$i][2]: the file";
}
is_deeply $at{17}{resource}, $json->decode($bad[8][0]), 'the resource is there';
is $at{17}{expression}, 'Basic.colour', 'and the element';
is $at{5}{text}, 'nonsense', 'or the text that is no JSON';

$done = load(file('torn.ndjson.gz', substr $gz, 0, length($gz) - 12), "$dir/one.json");
is $done->{rejected}, 1, 'a gzip file that is cut off';
ok $done->{unchanged} > 0, 'what follows is loaded';
like $done->{rejects}[0]{reason}, qr/cut off/, 'the reason';

$t->psql(q{ALTER TABLE main.goal ADD CONSTRAINT no_seven CHECK (id <> 'g7')});
$done = load(file('refused.ndjson',
        map { { resourceType => 'Goal', id => "g$_", description => { text => 'x' } } } 1 .. 20));
counts($done, 'new=19 changed=0 unchanged=0 rejected=1', 'a row that PostgreSQL refuses');
is_deeply [ map { ($_->{line}, $_->{resource}{id}) } @{ $done->{rejects} } ], [ 7, 'g7' ], 'is found among the others';

# ---- the command line ----

is load()->{status}, 2, 'no path';
is load('--jobs', 'many', "$dir/one.json")->{status}, 2, 'a bad option';
is load("$dir/none.json")->{status}, 4, 'a file that is not there';
$done = load('--tenant', 'nobody', "$dir/one.json");
is $done->{status}, 3, 'a tenant that is not there';
like $done->{err}, qr/run fhirctl init --tenant nobody/, 'what to do';
is $t->fhirctl('load', '--help')->{status}, 0, '--help';

# ---- a crash ----

my $sample = work_dir() . '/sample.ndjson';
run({}, built('fhirctl'), 'sample', '--patients', 150, '--out', $sample);
my $total = () = read_file($sample) =~ /\n/g;
my $pid = spawn({ env => $t->cluster->env($t->database), err => '/dev/null', out => '/dev/null' }, built('fhirctl'),
    'load', $sample);
my $begun = wait_for(sub { $t->psql(q{SELECT EXISTS (SELECT FROM main.observation WHERE id <> 'o')}) eq 't' }, 30);
kill 'KILL', $pid;
waitpid $pid, 0;
is $? & 127, 9, 'a load is killed on its way';
ok $begun, 'when rows were there';
$done = load($sample);
is $done->{status}, 0, 'the next one completes it' or diag($done->{out}, $done->{err},
    map { "$_->{reason}\n" } @{ $done->{rejects} });
is $done->{new} + $done->{unchanged}, $total, 'all resources are there';
counts(load($sample), "new=0 changed=0 unchanged=$total rejected=0", 'and another one finds them all');

# --validate: what has errors at that level is refused
my @odd = (
    { resourceType => 'Patient', id => 'v1', name => [ { period => { start => '2020', end => '2019' } } ] },
    { resourceType => 'Patient', id => 'v2', meta =>
            { profile => ['http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient'] } },
);
my $odd = file('odd.ndjson', @odd);
my $strict = load('--validate', 'profile', $odd);
is "$strict->{new} $strict->{rejected}", '0 2', '--validate profile refuses both';
my $base = load('--validate', 'base', $odd);
is "$base->{new} $base->{rejected}", '1 1', '--validate base takes what misses its profile only';
is load('--validate', 'much', $odd)->{status}, 2, 'an unknown level is refused';

# ids that DSTU2, where a CareTeam's gets a prefix, has no room for
my %team = (resourceType => 'CareTeam', status => 'active');
unlike load(file('short.ndjson', { %team, id => 't' x 61 }, "\n", basic('t' x 64)))->{out}, qr/DSTU2/, 'ids with room';
like load(file('long.ndjson', map { { %team, id => 't' x $_ }, "\n" } 61 .. 63))->{out},
    qr/^2 have an id of more than 61 characters: a DSTU2 endpoint cannot show them/m, 'ids without are counted';

$t->done;
