#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Searches across all patients: each parameter that metadata declares has an index, the pages of a large
# table are the whole, and the sets of indexes are made, changed and filled up while rows are there.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(built run write_file);
use JSON::PP ();
use Test::More;

my $t = FHIR::Test->new(own_cluster => 1, endpoints => <<'CONF');
<Location "/dev/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRInteractions all
    FHIRExplain On
    Require local
</Location>
CONF

# ---- each parameter has an index ----

# Without the way from end to end, a count that has no index shows.
$t->psql("ALTER DATABASE $t->{database} SET enable_seqscan = off");
$t->restart;
my %value = (
    token => 'x', reference => 'x', date => 'gt2020-01-01', string => 'abc', number => 'gt5',
    quantity => 'gt5', uri => 'http://example.org/x',
);
# A composite's parts, where the first is a token: others belong to definitions, of which there are few.
my %composite = (
    'code-value-quantity' => 'x$gt5', 'component-code-value-quantity' => 'x$gt5',
    'combo-code-value-quantity' => 'x$gt5',
    'code-value-concept' => 'x$y', 'component-code-value-concept' => 'x$y', 'combo-code-value-concept' => 'x$y',
    'code-value-string' => 'x$abc', 'code-value-date' => 'x$gt2020', 'context-type-quantity' => 'x$gt5',
    'context-type-value' => 'x$y',
);
# What has none: _id and _lastUpdated have theirs in every set, near is special, version is of definitions, which are
# few, and compared without regard to letter case (docs/schema.md).
my $none = qr/^(?:_id|_text|_content|_list|_has|_filter|_query|_type|near|version)$/;
my ($asked, @without) = (0);
for my $resource (@{ $t->get('/dev/r4/metadata')->json->{rest}[0]{resource} }) {
    for my $param (@{ $resource->{searchParam} }) {
        next if $param->{name} =~ $none;
        my $value = $param->{type} eq 'composite' ? $composite{ $param->{name} } : $value{ $param->{type} };
        next unless defined $value;
        my $path = "$resource->{type}?$param->{name}=$value&_summary=count&_explain=true";
        my $r = $t->get("/dev/r4/$path");
        $asked++;
        my $plan = join "\n", map { $_->{diagnostics} // '' } @{ $r->json->{issue} };
        my $table = lc $resource->{type};
        push @without, $path
            if $r->status != 200 || $plan =~ /Seq Scan on "?\Q$table\E\b/ || $plan !~ /Index Cond: /;
    }
}
cmp_ok $asked, '>', 1200, 'parameters were asked';
is join("\n", @without), '', 'each has an index';
$t->psql("ALTER DATABASE $t->{database} RESET enable_seqscan");
$t->restart;

# ---- pages of a large table ----

$t->psql(q{INSERT INTO main.observation (id, version, last_updated, resource, code, status, category,
        value_quantity_low, value_quantity_high, value_quantity_code, value_quantity_unit, date_low, date_high)
    SELECT 'o' || i, 1, now(), format('{"resourceType":"Observation","id":"o%s","language":"%s"}', i, repeat('x', 800)),
        CASE WHEN i % 2 = 0 THEN '{a,~l|a}' WHEN i % 50 = 1 THEN '{b,~l|b}' ELSE '{c,~l|c}' END::text[], 'final',
        '{laboratory}', i % 300, i % 300, CASE WHEN i % 100 = 7 THEN '/min' ELSE 'mg' END,
        CASE WHEN i % 100 = 7 THEN 'beats/min' ELSE 'mg' END, '2020-01-01'::timestamptz + i * interval '1 hour',
        '2020-01-01'::timestamptz + i * interval '1 hour' + interval '1 s'
    FROM generate_series(1, 6000) i});
# Some have no end, and those of two weeks begin at midnight: 24 at the same time.
$t->psql(q{UPDATE main.observation SET date_high = 'infinity' WHERE right(id, 2) = '97';
    UPDATE main.observation SET date_low = date_trunc('day', date_low)
     WHERE date_low BETWEEN '2020-02-20' AND '2020-03-05'});
# No program has written them: fhirctl fills in their keys as in rows of an earlier version.
$t->psql('DROP INDEX main.observation_terms_idx');
like $t->fhirctl('init')->{out}, qr/^1 of 1: observation_terms_idx made in/m, 'rows of an earlier version get keys';
is $t->psql('SELECT count(*) FROM main.observation WHERE terms IS NULL'), 0, '  all of them';
$t->psql('VACUUM ANALYZE main.observation');
sleep 1;

# All ids of a search, page by page; the number of pages.
sub walk {
    my ($path) = @_;
    my (@ids, $pages);
    for (my $url = "/dev/r4/$path"; $url; $pages++) {
        my $page = $t->get($url)->json;
        push @ids, map { $_->{resource}{id} } @{ $page->{entry} };
        my ($next) = grep { $_->{relation} eq 'next' } @{ $page->{link} };
        $url = $next && $next->{url} =~ s{^http://[^/]+}{}r;
    }
    return ([ @ids ], $pages);
}

for (
    [ 'Observation?_count=500', 'TRUE' ],
    [ 'Observation?code=b&_count=20', "code && '{b}'" ],
    [ 'Observation?code=a&_count=400', "code && '{a}'" ],
    [ 'Observation?code=b,c&status=final&_count=300', "code && '{b,c}'" ],
    [ 'Observation?code=none', 'FALSE' ],
    [ 'Observation?value-quantity=gt290&_count=50', 'value_quantity_low > 290' ],
    [ 'Observation?value-quantity=gt250||mg&_count=50', "value_quantity_low > 250 AND value_quantity_code = 'mg'" ],
    [ 'Observation?value-quantity=ne107||/min&_count=50',
        "value_quantity_low <> 107 AND value_quantity_code = '/min'" ],
    [ 'Observation?value-quantity=lt100||beats/min,ge299',
        "value_quantity_low < 100 AND value_quantity_unit = 'beats/min' OR value_quantity_low >= 299" ],
    [ 'Observation?value-quantity=ne7||none', 'FALSE' ],
    [ 'Observation?value-quantity=ne7&_count=500', 'value_quantity_low <> 7' ],
    [ 'Observation?combo-value-quantity=gt200||/min&_count=5',
        "value_quantity_low > 200 AND value_quantity_code = '/min'" ],
    [ 'Observation?combo-code-value-quantity=a$gt290,c$lt3&_count=20',
        "code && '{a}' AND value_quantity_low > 290 OR code && '{c}' AND value_quantity_low < 3" ],
    [ 'Observation?code-value-quantity=a$lt10&_count=50', "code && '{a}' AND value_quantity_low < 10" ],
    [ 'Observation?code-value-quantity=~l|a$lt10', 'FALSE' ],
    [ 'Observation?code-value-quantity=http://loinc.org|b$ge250||mg&_count=5',
        "code && '{~l|b}' AND value_quantity_low >= 250 AND value_quantity_code = 'mg'" ],
    [ 'Observation?code-value-quantity=http://snomed.info/sct|b$ge250', 'FALSE' ],
    [ 'Observation?code-value-quantity=a$le0,b$ge299',
        "code && '{a}' AND value_quantity_low <= 0 OR code && '{b}' AND value_quantity_low >= 299" ],
    [ 'Observation?date=ge2020-08-01&code=b&_count=7', "code && '{b}' AND date_low >= '2020-08-01'" ],
    [ 'Observation?date=lt2020-01-03', "date_low < '2020-01-03'" ],
    [ 'Observation?date=lt2020-03-01&_count=70', "date_low < '2020-03-01'" ],
    [ 'Observation?date=le2020-03-01&_count=70',
        "date_low < '2020-03-01' OR date_low < '2020-03-02' AND date_high <= '2020-03-02'" ],
    [ 'Observation?date=eb2020-03-01&_count=70', "date_low < '2020-03-01' AND date_high <= '2020-03-01'" ],
    [ 'Observation?date=sa2020-03-01&_count=400', "date_low >= '2020-03-02'" ],
    [ 'Observation?date=gt2020-08-01&_count=70', "date_high > '2020-08-02'" ],
    [ 'Observation?date=ge2020-08-01&_count=70',
        "date_high > '2020-08-02' OR date_low >= '2020-08-01' AND date_high > '2020-08-01'" ],
    [ 'Observation?date=2020-03-01&_count=7',
        "date_low >= '2020-03-01' AND date_low < '2020-03-02' AND date_high <= '2020-03-02'" ],
    [ 'Observation?date=gt2031&_count=7', "date_high = 'infinity'" ],
    [ 'Observation?date=sa2031', 'FALSE' ],
    [ 'Observation?date=2020-03-01&code=a&_count=5', "code && '{a}' AND date_low >= '2020-03-01' AND "
        . "date_low < '2020-03-02' AND date_high <= '2020-03-02'" ],
    [ 'Observation?date=ge2020-03-01&date=lt2020-03-05&_count=20',
        "date_low >= '2020-03-01' AND date_low < '2020-03-05' OR date_low < '2020-03-05' AND "
            . "date_high > '2020-03-02'" ],
    [ 'Observation?code=c&date=ge2031&_count=5', "code && '{c}' AND date_high = 'infinity'" ],
    [ 'Observation?date=eb2020-03-01&status=final&_count=60', "date_low < '2020-03-01' AND date_high <= '2020-03-01'" ],
    [ 'Observation?code=none&status=final', 'FALSE' ],
    [ 'Observation?code=b&value-quantity=gt200||mg&_count=5', "code && '{b}' AND value_quantity_low > 200" ],
) {
    my ($path, $where) = @$_;
    my ($ids, $pages) = walk($path);
    is join(' ', sort @$ids), join(' ', sort split /\n/, $t->psql("SELECT id FROM main.observation WHERE $where")),
        "$path: the pages are the whole ($pages)";
}
for my $query ('code=a', 'code=c', 'date=lt2020-03-04', 'date=eb2020-05-04', 'date=gt2020-05-04',
    'category=laboratory&date=gt2020-05-04&date=lt2020-06-04') {
    my $first = $t->get("/dev/r4/Observation?$query&_count=50")->json;
    my ($next) = map { $_->{url} =~ s{^http://[^/]+}{}r } grep { $_->{relation} eq 'next' } @{ $first->{link} };
    my $second = $t->get($next)->json;
    my ($back) = map { $_->{url} =~ s{^http://[^/]+}{}r } grep { $_->{relation} eq 'previous' } @{ $second->{link} };
    is_deeply [ map { $_->{resource}{id} } @{ $t->get($back)->json->{entry} } ],
        [ map { $_->{resource}{id} } @{ $first->{entry} } ], "$query: and back";
}
my @dates = map { $_->{resource}{id} =~ s/^o//r }
    @{ $t->get('/dev/r4/Observation?date=lt2020-02-01&_count=50')->json->{entry} };
is_deeply \@dates, [ sort { $b <=> $a } @dates ], 'of a date alone, the newest come first';

# By which order a page is found: by the date where few other rows are between its rows, else by places.
for (
    [ 'category=laboratory&date=2020-05-04', 'date_low' ],
    [ 'date=2020-05-04&category=laboratory&status=final', 'date_low' ],
    [ 'date=ge2020-05-04&date=lt2020-05-07', 'date_high' ],
    [ 'date=ge2020-01-01&date=lt2020-01-03', 'date_low' ],    # the date that finds fewer rows
    [ 'code=none&date=ge2020-03-01', 'hashtext(t.id)' ],      # it would read all of them
    [ 'category=laboratory&date:missing=false', 'hashtext(t.id)' ],
) {
    my ($query, $by) = @$_;
    like $t->get("/dev/r4/Observation?$query&_count=20&_explain=true")->body, qr/ORDER BY \(?(?:t\.\\")?\Q$by\E/,
        "$query: by $by";
}
# Blocks of 8 KB that the largest statement of a search touches.
sub buffers {
    my ($path) = @_;
    my ($most) = sort { $b <=> $a } map { /Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?/ ? ($1 // 0) + ($2 // 0) : 0 }
        map { $_->{diagnostics} // '' } @{ $t->get("/dev/r4/$path&_explain=true")->json->{issue} };
    return $most;
}
# The table has over 580 (6,000 rows of more than 800 bytes): neither may read it, whichever index the planner takes.
for (
    [ 'code=a&_count=20', 3000, 200 ],
    [ 'category=laboratory&date=2020-05-04&_count=20', 24, 80 ],
    [ 'category=laboratory&date=ge2020-03-01&date=lt2020-08-01&_count=20', 3672, 80 ],
    [ 'value-quantity=ne7||/min&_count=20', 40, 260 ],
    [ 'value-quantity=gt5||none', 0, 250 ],
    [ 'combo-value-quantity=ne7||none', 0, 420 ],
    [ 'date=lt2020-09-01&_count=20', 5800, 80 ],
    [ 'date=eb2020-01-02&_count=20', 22, 80 ],
    [ 'date=gt2020-09-05&_count=20', 70, 80 ],
    [ 'date=sa2031', 0, 10 ],
) {
    my ($query, $matches, $most) = @$_;
    my $buffers = buffers("Observation?$query");
    cmp_ok $buffers, '>', 0, "$query: it is told what a page touches";
    cmp_ok $buffers, '<', $most, "  of $matches matches $buffers buffers";
}

# One plan serves all values of these, whatever the planner knows of them: it is not made anew for each request.
for my $query ('code=c&_count=20', 'status=final&_count=20', 'value-quantity=gt5&_count=20', 'value-quantity=gt5||mg',
    'code=none', 'code=none&status=final') {
    $t->get("/dev/r4/Observation?$query") for 1, 2;
    my ($explained) = map { $_->{diagnostics} } @{ $t->get("/dev/r4/Observation?$query&_explain=true")->json->{issue} };
    my ($sql, @values) = split /^\$\d+ = /m, $explained =~ s/^Limit .*//msr;
    my $run = 'EXECUTE page(' . join(', ', map { s/\n\z//; $_ eq 'NULL' ? $_ : "'$_'" } @values) . ')';
    my $plans = $t->psql("SET jit = off; PREPARE page AS $sql; " . "$run; " x 8
            . "SELECT 'generic: ' || generic_plans FROM pg_prepared_statements WHERE name = 'page'");
    ok $plans =~ /^generic: [1-9]/m, "$query: planned once";
}

# ---- _has ----

# Every third of 4,500 patients has had two of these, every 100th has a rare one, and one record is of nobody known.
$t->psql(q{INSERT INTO main.patient (id, version, last_updated, resource)
    SELECT 'h' || i, 1, now(), format('{"resourceType":"Patient","id":"h%s","language":"%s"}', i, repeat('x', 900))
      FROM generate_series(1, 4500) i});
$t->psql(q{INSERT INTO main.condition (id, version, last_updated, resource, patient, patient_date, subject, code)
    SELECT 'c' || i, 1, now(), format('{"resourceType":"Condition","id":"c%s"}', i), p, now(), 'Patient/' || p,
        ARRAY[CASE WHEN i % 100 = 50 THEN 'rare' WHEN i % 3 = 0 THEN 'often' ELSE 'other' END]
      FROM generate_series(1, 9003) i, LATERAL (SELECT 'h' || (i - 1) % 4503 + 1 p) o});
$t->psql('VACUUM ANALYZE main.patient; VACUUM ANALYZE main.condition');
for my $code ('often', 'rare', 'none') {
    my ($ids, $pages) = walk("Patient?_has:Condition:patient:code=$code&_count=200");
    is join(' ', sort @$ids), join(' ', sort split /\n/, $t->psql("SELECT id FROM main.patient WHERE id IN
        (SELECT patient FROM main.condition WHERE code && '{$code}')")), "_has $code: the pages are the whole ($pages)";
}
my $has = $t->get('/dev/r4/Patient?_has:Condition:patient:code=often&_count=20&_explain=true')->body;
like $has, qr/Index Scan (?:using|on) condition_patient_patient_date_idx/,
    '  each patient of a window is looked up';
unlike $has, qr/Scan on condition_terms_idx/, '  and what many patients have is not collected';
like $t->get('/dev/r4/Patient?_has:Condition:patient:code=rare&_count=20&_explain=true')->body,
    qr/Scan on condition_terms_idx/, '  what few have is collected';

# ---- chains ----

# Sixty practitioners by the name of Many, the first three of whom are Few, too, and none is called None.
$t->psql(q{INSERT INTO main.practitioner (id, version, last_updated, resource, name)
    SELECT 'p' || i, 1, now(), format('{"resourceType":"Practitioner","id":"p%s"}', i),
        E'\nmany\n' || CASE WHEN i <= 3 THEN E'few\n' ELSE '' END FROM generate_series(1, 60) i});
$t->psql(q{INSERT INTO main.encounter (id, version, last_updated, resource, participant, patient, patient_date)
    SELECT 'e' || i, 1, now(), format('{"resourceType":"Encounter","id":"e%s","language":"%s"}', i, repeat('x', 800)),
        ARRAY['Practitioner/p' || i % 70, 'Practitioner/p' || i % 71], 'x' || i, now()
    FROM generate_series(1, 6000) i});
$t->psql('VACUUM ANALYZE main.encounter; VACUUM ANALYZE main.practitioner');
for (
    [ 'participant:Practitioner.name=few', 'i % 70 BETWEEN 1 AND 3 OR i % 71 BETWEEN 1 AND 3' ],
    [ 'participant:Practitioner.name=many&_count=500', 'i % 70 BETWEEN 1 AND 60 OR i % 71 BETWEEN 1 AND 60' ],
    [ 'participant:Practitioner.name=none', 'FALSE' ],
) {
    my ($query, $where) = @$_;
    my ($ids, $pages) = walk("Encounter?$query");
    is join(' ', sort @$ids),
        join(' ', sort split /\n/, $t->psql("SELECT 'e' || i FROM generate_series(1, 6000) i WHERE $where")),
        "$query: the pages are the whole ($pages)";
}
cmp_ok buffers('Encounter?participant:Practitioner.name=few&_count=10'), '<', 400,
    'a chain to few looks for references';
cmp_ok buffers('Encounter?participant:Practitioner.name=none'), '<', 10, '  to none for nothing';

# ---- sets ----

sub indexes {
    return $t->psql(
        "SELECT count(*) FROM pg_indexes WHERE schemaname = 'main' AND indexname ~ '_terms_idx\$'");
}
is $t->psql('SELECT name FROM main.fhir_index_set'), 'practice', 'the default set';
my $all = indexes();
like $t->fhirctl('index', 'apply', 'patient')->{out},
    qr/observation_terms_idx dropped.*has the indexes of the set patient/s, 'the small set';
is indexes(), 0, '  has none of the others';
is $t->fhirctl('init')->{status}, 0, 'init';
is indexes(), 0, '  keeps what was chosen';
$t->psql(q{CREATE INDEX observation_date_high_idx ON main.observation (id)});
$t->psql(q{UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = 'main.observation_date_high_idx'::regclass});
like $t->fhirctl('init', '--indexes', 'practice')->{out},
    qr/\d+ of \d+: observation_terms_idx made in/, 'the set on a table with rows';
is indexes(), $all, '  is whole again';
like $t->psql(q{SELECT indexdef FROM pg_indexes WHERE indexname = 'observation_date_high_idx'}), qr/\(date_high\)/,
    '  what was interrupted is made anew';

my $written = $t->post('/dev/r4/Observation', {
    resourceType => 'Observation', status => 'final', code => { coding => [ { code => 'c' } ] },
    identifier => [ { system => 'http://example.org/x', value => '"a,\\' } ], method => { text => 'm',
        coding => [ { system => 'http://loinc.org', code => 'LA1-2' } ] },
    valueQuantity => { value => -0.05, unit => 'mg', system => 'http://unitsofmeasure.org', code => 'mg' },
    component => [ { code => { coding => [ { code => 'd' } ] }, valueQuantity => { value => 7, unit => 'u' } } ],
});
is $written->status, 201, 'the server writes a row' or diag $written->body;
my $id = $written->json->{id};
my $keys = "SELECT terms FROM main.observation WHERE id = '$id'";
my $own = $t->psql($keys);
cmp_ok scalar(split /,/, $own), '>', 10, '  with its keys';

# Indexes of an earlier version: not on the keys of rows, beside one that has none any more. An interrupted rebuild has
# left one that is not used.
$t->psql("UPDATE main.observation SET terms = NULL WHERE id = '$id' OR id < 'o3'");
$t->psql(q{DROP INDEX main.observation_terms_idx;
    CREATE INDEX observation_terms_idx ON main.observation USING gin (code, status, (ARRAY[hashtext(id) >> 19]));
    CREATE INDEX observation_keys_idx ON main.observation USING gin (
        main.fhir_number_keys(component_value_quantity_low, component_value_quantity_high));
    CREATE INDEX fhir_index_next ON main.observation (version)});
my $definition = q{SELECT indexdef FROM pg_indexes WHERE schemaname = 'main' AND indexname = 'observation_terms_idx'};
my $rebuilt = $t->fhirctl('init')->{out};
like $rebuilt, qr/^1 of 1: observation_terms_idx rebuilt in/m, 'init rebuilds what an earlier version has made';
like $t->psql($definition), qr/ status, terms, /, '  as it is now';
is $t->psql('SELECT count(*) FROM main.observation WHERE terms IS NULL'), 0, '  when each row has keys';
is $t->psql($keys), $own, '  the same as the server gave it';
is $t->psql("SELECT count(*) FROM pg_indexes WHERE indexname = 'observation_keys_idx'"), 0, '  and the other is gone';
is $t->psql("SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'fhir_index_%' AND indexname !~ '(set|due)'"), 0,
    '  and leaves none';
is indexes(), $all, '  and all are there';
unlike $t->fhirctl('init')->{out}, qr/rebuilt/, '  once';
like $t->fhirctl('index', 'apply', 'none')->{err}, qr/none is not a set of indexes: practice or patient/, 'no set';
like $t->fhirctl('index', 'list', 'Observation')->{out},
    qr/^observation_terms_idx +\d+ \w+ +\d+ uses +practice /m, 'list: size, use, set';

# ---- advice ----

$t->psql(q{INSERT INTO main.fhir_search_advice (shape, refused, command)
    VALUES ('Observation?method', 3, 'fhirctl index apply practice')});
like $t->fhirctl('index', 'advise')->{out},
    qr/^Observation\?method: refused 3 times, slow 0 times from .*\n +fhirctl index apply practice$/m, 'advise';

# Of 1 MB or more and not used: one of the administrator's, one that every schema has.
$t->psql(q{INSERT INTO main.patient_history (id, version, last_updated, method, resource)
    SELECT 'h' || i, 1, now() + i * interval '1 s', 'C', '{}' FROM generate_series(1, 60000) i});
$t->psql('CREATE INDEX patient_history_own_idx ON main.patient_history (method, id)');
$t->psql(q{CREATE INDEX IF NOT EXISTS patient_history_last_updated_idx ON main.patient_history (last_updated)});
my $advice = $t->fhirctl('index', 'advise')->{out};
like $advice, qr/^patient_history_own_idx: \S+ \w+, not used since/m, 'an index that nobody used';
unlike $advice, qr/^patient_history_last_updated_idx:/m, '  but none that every schema has';

# ---- a large load into an empty schema ----

my $sample = run({}, built('fhirctl'), 'sample', '--patients', 24, '--seed', 3, '--as-of', '2026-01-01');
my $file = write_file(work_dir() . '/sample.ndjson', $sample->{out});
cmp_ok -s $file, '>', 16 * 1024 * 1024, 'a load that is worth it';
$t->fhirctl('init', '--tenant', 'empty');
my $count = 'SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid '
    . "WHERE i.indisvalid AND c.relnamespace = 'empty'::regnamespace";
my $before = $t->psql($count);
my $oid = sub { return $t->psql("SELECT 'empty.$_[0]_idx'::regclass::oid") };
my %was = map { $_ => $oid->($_) } qw(observation_terms encounter_terms observation_dna_variant patient_terms);
is $t->fhirctl('load', '--quiet', '--tenant', 'empty', $file)->{status}, 0, 'is loaded';
is $t->psql($count), $before, '  and has its indexes';
is $t->psql('SELECT count(*) FROM empty.fhir_index_due'), 0, '  all of them';
isnt $oid->($_), $was{$_}, "  $_: made after the rows" for qw(observation_terms encounter_terms);
is $oid->($_), $was{$_}, "  $_: has no entries, or few, and stayed" for qw(observation_dna_variant patient_terms);
$t->psql(q{INSERT INTO empty.fhir_index_due
        SELECT 'observation_terms_idx', pg_get_indexdef('empty.observation_terms_idx'::regclass);
    DROP INDEX empty.observation_terms_idx});
is $t->fhirctl('init', '--tenant', 'empty')->{status}, 0, 'what a load left to be made';
is $t->psql($count), $before, '  is made by init';

# Keys that the loader gave, and those that are filled in from the columns of the same rows, in all tables.
my @tables = split /\n/, $t->psql(q{SELECT relname FROM pg_class
    WHERE relnamespace = 'empty'::regnamespace AND relkind = 'r' AND reltuples > 0
      AND relname || '_terms_idx' IN (SELECT indexname FROM pg_indexes WHERE schemaname = 'empty')});
cmp_ok scalar @tables, '>', 20, 'tables with rows';
$t->psql('CREATE TABLE empty.kept (resource text, id text, terms integer[])');
$t->psql("INSERT INTO empty.kept SELECT '$_', id, terms FROM empty.$_; UPDATE empty.$_ SET terms = NULL;
    DROP INDEX empty.${_}_terms_idx") for @tables;
cmp_ok $t->psql('SELECT count(terms) FROM empty.kept'), '>', 10_000, '  that have keys';
is $t->fhirctl('init', '--tenant', 'empty')->{status}, 0, '  get their keys from fhirctl';
is $t->psql(join ' UNION ALL ', map { "SELECT id FROM empty.$_ t JOIN empty.kept k USING (id)
    WHERE k.resource = '$_' AND k.terms IS DISTINCT FROM t.terms" } @tables), '', '  which are the same';

$t->done;
