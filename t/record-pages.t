# SPDX-License-Identifier: Apache-2.0
# Records as pages for people: what a search, a patient, measurements, versions and errors look like; no string of a
# record becomes markup; in Chromium (t/node/pages.js) axe-core finds nothing, and the pages work without scripts.
# FHIR_TEST_SHOTS=FOLDER keeps pictures; FHIR_TEST_README=docs makes those of the README.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Browser;
use FHIR::Test::Node   qw(node);
use FHIR::Test::System qw(built run work_dir write_file);
use JSON::PP           ();
use Test::More;
use Time::HiRes qw(time);

my $t = FHIR::Test->new(endpoints => join "\n", 'FHIRPracticeName "Lakeside Family Practice"',
    map { qq(<Location "/$_->[0]">\n    FHIREndpoint $_->[1]\n    Require all granted\n</Location>) }
        [ 'dev/r4', "R4 open\n    FHIRInteractions all" ], [ 'dev/dstu2', 'DSTU2 open' ], [ 'fhir/r4', 'R4 provider' ]);
my $json = JSON::PP->new->canonical;
my $sample = run({}, built('fhirctl'), 'sample', '--patients', 1, '--as-of', '2026-11-20');
$t->load(write_file(work_dir() . '/sample.ndjson', $sample->{out}));
my $patient = $t->get('/dev/r4/Patient?_count=1')->json->{entry}[ 0 ]{resource}{id};

sub page { my ($path, @headers) = @_; return $t->get($path, Accept => 'text/html', @headers) }

# Kilobytes that httpd's processes have together.
sub memory {
    my $sum = 0;
    for my $pid ($t->children) {
        open my $status, '<', "/proc/$pid/status" or next;
        /^VmRSS:\s+(\d+)/ and $sum += $1 while <$status>;
    }
    return $sum;
}

# What is markup in a page but is none of ours: all of it is in the form that the pages write.
sub strange {
    my ($html) = @_;
    my @strange;
    my $tag = qr{</?([a-z][a-z0-9]*)((?: [a-zA-Z:-]+(?:="[^"<>]*")?)*)/?>};
    $html =~ s/^<!DOCTYPE html>\n//;
    while ($html =~ /($tag)/g) {
        my ($whole, $name, $attributes) = ($1, $2, $3);
        push @strange, $name if $name =~ /^(?:script|iframe|object|embed|base|style|link|meta|svg|form)$/
            && $whole !~ m{^<(?:link rel="stylesheet" href="/(?:dev|fhir)/|meta (?:charset|name)=|/?form|/?svg)};
        while ($attributes =~ /([a-zA-Z:-]+)="([^"]*)"/g) {
            my ($key, $value) = ($1, $2);
            push @strange, qq($key="$value")
                if $key =~ /^on/i || ($key =~ /^(?:href|src|action)$/ && $value !~ m{^(?:https?://|/|\?|\#)});
        }
    }
    push @strange, $1 if $html =~ s/$tag//gr =~ /(<.{0,60})/s;
    return "@strange";
}

# --- a search
my $page = page("/dev/r4/Observation?patient=$patient&code=http://loinc.org|8867-4&_total=accurate");
is($page->status, 200, 'a search as a page');
like($page->header('Vary'), qr/Accept-Language/, 'which depends on the language');
is($page->header('Content-Security-Policy'), q(default-src 'none'; style-src 'self'; style-src-attr 'unsafe-inline'; )
    . q(img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'), '  and loads one style sheet');
my $found = $t->get("/dev/r4/Observation?patient=$patient&code=http://loinc.org|8867-4&_total=accurate")->json;
like($page->body, qr{Asked for: <span class="tag"><code>patient</code> \Q$patient\E</span>}, '  says what was asked');
my $n = @{ $found->{entry} };
like($page->body, qr{>$found->{total} in all, $n on this page<}, '  how many there are');
is(scalar(() = $page->body =~ m{<tr><th scope="row">}g), $n, '  in a table');
my @heads = $page->body =~ m{<th scope="col">([^<]*)</th>}g;
is("@heads[ 0 .. 2 ]", 'Code Value Effective', '  whose columns matter');
unlike("@heads", qr/Subject/, '  without the patient, who is the same in all');
my $value = $found->{entry}[ 0 ]{resource}{valueQuantity}{value};
like($page->body, qr{<td data-label="Value">$value beats/min</td>}, '  values');
like($page->body, qr{<polyline class="line line-1"}, '  and a chart');
is(scalar(() = $page->body =~ /<path class="dot/g), $n, '  with a dot for each');
like($page->body, qr{<a href="\?patient=[^"]*_format=json&amp;_pretty=true">JSON</a>}, '  JSON is one click away');
like($page->body, qr{<form [^>]*action="/dev/r4/Observation">.*name="patient"[^>]*value="$patient"}s,
    '  and a form for the next search');
like(page("/dev/r4/Observation?patient=$patient&code=85354-9&_count=9")->body,
    qr{Systolic blood pressure \(mmHg\).*Diastolic.*<polyline class="line line-2"}s, 'blood pressures are two lines');
unlike(page("/dev/r4/Observation?patient=$patient&_count=9")->body, qr/<polyline/, 'several codes are no chart');
like(page("/dev/r4/Observation?patient=$patient&_count=2")->body,
    qr{rel="next" href="http[^"]+">Next page<}, 'the next page');
like(page('/dev/r4/Patient?family=nobody')->body, qr/Nothing was found/, 'nothing');
like(page("/dev/r4/Encounter?patient=$patient&_count=1&_include=Encounter:subject")->body,
    qr{<h2 class="apart">Visits</h2>.*<h2 class="apart">Patients <span class="badge">included</span></h2>}s,
    'what is included has a table of its own');
like(page("/dev/r4/Observation?patient=$patient&_count=2", 'Accept-Language' => 'es-MX,en')->body,
    qr{<html lang="es">.*<h1>Observaciones</h1>.*<th scope="col">Valor</th>}s, 'in Spanish');
for ([ en => 'female' ], [ es => 'mujer' ]) {
    my ($language, $word) = @$_;
    my $woman = page('/dev/r4/Patient?gender=female&_count=1', 'Accept-Language' => $language)->body;
    like($woman, qr{<td data-label="[^"]+">$word</td>}, "  codes of FHIR, too: $word");
}
my $form = $t->post('/dev/r4/Observation/_search', "patient=$patient&_format=html&_count=2",
    'Content-Type' => 'application/x-www-form-urlencoded');
like($form->body, qr{<code>patient</code> \Q$patient\E}, 'a search by POST says what was asked, too');
# --- a patient
$page = page("/dev/r4/Patient/$patient")->body;
my $record = $t->get("/dev/r4/Patient/$patient")->json;
like($page, qr{<h1>[^<]*\Q$record->{name}[0]{family}\E</h1>\s*<dl class="facts">.*?Birth date<.*?$record->{birthDate}}s,
    'a patient begins with name and birth date');
like($page, qr{<dt>Identifier</dt><dd>[^<]*\Q$record->{identifier}[0]{value}\E}, '  identifiers');
like($page, qr{<a class="button small" href="/dev/r4/$_">}, "  a way to $_")
    for "Observation\\?patient=$patient", "Condition\\?patient=$patient", "MedicationRequest\\?patient=$patient",
    "Encounter\\?patient=$patient", "DocumentReference\\?patient=$patient", "Patient/$patient/\\\$everything",
    "Patient/$patient/_history";
my @ways = $page =~ m{<a class="button small" href="([^"]+)"}g;
is(join(' ', grep { page($_)->status != 200 } @ways), '', '  and all ways lead somewhere');
unlike(page("/dev/dstu2/Patient/$patient")->body, qr/MedicationRequest|\$everything/, 'DSTU2 has ways of its own');
like(page("/dev/dstu2/Patient/$patient")->body, qr{/dev/dstu2/MedicationOrder\?patient=}, '  to its types');
like(page("/dev/dstu2/Observation?patient=$patient&code=8867-4")->body, qr/<polyline.*beats/s, '  and charts');
# --- what readers see of values
$t->load({ resourceType => 'Patient', id => 'reader', name => [ { family => 'Reader' } ],
        extension => [
            { url => 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex', valueCode => 'F' } ] },
    { resourceType => 'MedicationRequest', id => 'inside', status => 'active', intent => 'order',
        subject => { reference => 'Patient/reader' }, medicationReference => { reference => '#med' },
        contained => [ { resourceType => 'Medication', id => 'other', code => { text => 'Not this' } },
            { resourceType => 'Medication', id => 'med', code => { text => 'Eye drops' } } ] },
    { resourceType => 'CarePlan', id => 'open', status => 'active', intent => 'plan',
        subject => { reference => 'Patient/reader' }, period => { start => '2026-11-27' } });
for ([ 'MedicationRequest?patient=reader', 'a table' ], [ 'MedicationRequest/inside', 'a record' ]) {
    my $body = page("/dev/r4/$_->[ 0 ]")->body;
    like($body, qr/>Eye drops</, "$_->[ 1 ]: a contained medication by its name");
    unlike($body, qr/>#med</, '  not by its id');
}
like(page('/dev/r4/CarePlan/open')->body,
    qr{<span class="open-end"><span class="when">2026-11-27</span>[^<]+</span>},
    'a period that goes on is not broken');
like(page('/dev/r4/Patient/reader')->body, qr{Reader.*<dt>Extension</dt><dd><em>Birthsex</em>: F</dd>\s*<dt>Id</dt>}s,
    'extensions come after the elements, in words');
my $read = page('/dev/r4/Patient/reader', 'Accept-Language' => 'en');
is(page('/dev/r4/Patient/reader', 'Accept-Language' => 'es', 'If-None-Match' => $read->header('ETag'))->status, 200,
    'a page is read again: the language may be another one');
is($t->get('/dev/r4/Patient/reader', 'If-None-Match' => 'W/"1"')->status, 304, '  JSON is not');
$form = page("/dev/r4/Observation?patient=$patient&_count=2")->body;
is(scalar(() = $form =~ />Next page</g), 2, 'the next page is above and below the table');
is(scalar(() = $form =~ /<nav [^>]*aria-label="Pages"/g), 1, '  and one landmark');
# --- versions, errors, documents
like(page("/dev/r4/Patient/$patient/_history")->body,
    qr{<a[ ]href="/dev/r4/Patient">Patients</a></p>\s*<h1>History</h1>.*
        <th[ ]scope="row"><a[ ]href="http[^"]+/Patient/$patient/_history/1">1</a></th>.*>created<}sx, 'versions');
for my $case ([ 404, 'Patient/none' ], [ 400, 'Patient?nme=x' ], [ 400, 'Patient?birthdate=x' ], [ 404, 'Nothing' ]) {
    my $error = page("/dev/r4/$case->[1]");
    is($error->status, $case->[0], "$case->[1]: $case->[0]");
    like($error->body, qr{<h1>$case->[0] [A-Z].*<p class="note note-bad"><strong>error<}s, '  says so in words');
    is(strange($error->body), '', '  and well-formed');
}
like(page('/dev/r4/Patient?nme=x')->body, qr/role="search"/, 'with a form for the next try');
like(page('/dev/r4/Patient/none')->body, qr{<a class="button small" href="/dev/r4/Patient">Patients</a>},
    'what is not found leads to what there is');
my $locked = page('/fhir/r4/Patient');
is($locked->status, 401, 'who has no token');
like($locked->body, qr{<h1>401 An access token is needed</h1>.*an app that the practice has authorized}s, '  sees why');
is($t->get('/fhir/r4/fhir.css')->status, 200, '  with its style sheet');
is($t->get('/fhir/r4/fhir.css')->header('Content-Type'), 'text/css; charset=utf-8', '  which is one');
for my $path ('metadata', 'Observation', 'Condition', "Patient/$patient/\$everything", '_history?_count=50') {
    my $body = page("/dev/r4/$path")->body;
    cmp_ok(length $body, '<', 100_000, "$path has less than 100 KB");
    is(strange($body), '', '  and well-formed');
}

# --- every string of a record is hostile
my $evil = q{"><script src=http://evil.example/>alert(1)</script><img src=x onerror=alert(2)>'`--><b onload=alert(3)>};
my $div = qq{<div xmlns="http://www.w3.org/1999/xhtml"><script>alert(4)</script><p onclick="alert(5)" }
    . qq{style="background:url(http://evil.example/)"><a href="javascript:alert(6)">x</a>}
    . qq{<img src="http://evil.example/p.png"/></p></div>};

sub poison {
    my ($value, $name) = @_;
    return { map { ($_ => poison($value->{$_}, $_)) } keys %$value } if ref $value eq 'HASH';
    return [ map { poison($_, $name) } @$value ] if ref $value eq 'ARRAY';
    return $value if ref $value || $name =~ /^(?:resourceType|id|versionId|lastUpdated)$/;
    return $name eq 'div' ? $div : $name =~ /^(?:url|reference|profile)$/ ? "http://x/$evil" : $evil;
}
my (%one, @hostile);
for (split /\n/, $sample->{out}) {
    my $resource = $json->decode($_);
    $one{ $resource->{resourceType} } //= $resource if $resource->{id};
}
for my $type (sort keys %one) {
    my $bad = poison({ %{ $one{$type} }, text => { status => 'x', div => '' } }, '');
    my $text = $json->ascii->encode($bad);
    $t->psql(qq(UPDATE main."@{[ lc $type ]}" SET resource = \$evil\$$text\$evil\$ WHERE id = '$bad->{id}'));
    push @hostile, map { ("/dev/$_/$type/$bad->{id}", "/dev/$_/$type?_id=$bad->{id}") } 'r4', 'dstu2';
    push @hostile, "/dev/r4/$type/$bad->{id}/_history";
}
my (@strange, %status);
for my $path (@hostile) {
    my $answer = page($path);
    $status{ $answer->status }++;
    my $strange = strange($answer->body);
    push @strange, "$path: $strange" if $strange;
}
cmp_ok($status{200}, '>', 3 * keys %one, 'records full of markup are shown: ' . keys(%one) . ' types')
    or diag explain \%status;
is(join("\n", @strange), '', '  and none of it becomes markup');
like(page("/dev/r4/Patient/$one{Patient}{id}")->body, qr{&lt;script src=http://evil.example/&gt;}, '  but text');
my $html = $t->post('/dev/r4/Binary', '<script>alert(7)</script>', 'Content-Type' => 'text/html',
    'X-Requested-With' => 'test');
is($html->status, 201, 'a web page as a Binary');
my $binary = '/dev/r4/Binary/' . ($html->header('Location') =~ m{Binary/([^/]+)})[ 0 ];
like($t->get($binary, Accept => 'text/html')->header('Content-Security-Policy'), qr/^sandbox;/, '  is in a sandbox');
push @hostile, $binary;

# ---- time and memory, against JSON of the same ----
{
    my $size = FHIR::Test::Httpd::sanitized() ? 2_000 : 20_000;
    my @rows = map { { resourceType => 'Observation', id => "m$_", status => 'final', code => { text => 'Rate' },
            effectiveDateTime => sprintf('2024-01-%02d', 1 + $_ % 28), valueQuantity => { value => $_ % 40 },
            identifier => [ { system => 'urn:many', value => 'rows' } ], note => [ { text => 'x' x 300 }] } } 1 .. 1000;
    $t->load({ resourceType => 'Observation', id => 'large', status => 'final',
            code => { text => 'Large' }, component => [
                map { { code => { text => "part $_" }, valueString => "value $_ " . 'y' x 60 } } 1 .. $size ] },
        @rows);
    for ([ 'Observation?identifier=urn:many|rows&_count=1000', 0.9, 10 ], [ 'Observation/large', 0.1, 6 ]) {
        my ($path, $bytes, $times) = @$_;
        my (%best, %length);
        for my $type (('application/fhir+json', 'text/html') x 4) {
            my $start  = time;
            my $answer = $t->get("/dev/r4/$path", Accept => $type);
            my $took   = time - $start;
            $best{$type} = $took if !exists $best{$type} || $took < $best{$type};
            $length{$type} = $answer->status == 200 ? length $answer->body : 'no';
        }
        my ($as_json, $as_page) = @best{ 'application/fhir+json', 'text/html' };
        diag(sprintf '%s: JSON %.1f ms, %d KB; page %.1f ms, %d KB', $path, $as_json * 1000,
            $length{'application/fhir+json'} / 1000, $as_page * 1000, $length{'text/html'} / 1000);
        cmp_ok($as_page, '<', $as_json * $times, "$path: a page takes less than $times times as long as JSON");
        cmp_ok($length{'text/html'}, '<', $bytes * $length{'application/fhir+json'},
            "  and has less than $bytes of its bytes");
    }
    # what is light: rows of a page, whatever _count says, with a way on; all in the JSON
    my $many = 'Observation?identifier=urn:many|rows&_count=1000&_total=accurate';
    is(scalar $t->get("/dev/r4/$many")->ids, 1000, 'JSON has the rows that were asked for');
    my (%seen, $next);
    for (my $at = "/dev/r4/$many"; $at && keys %seen < 150; $at = $next) {
        my $body = page($at)->body;
        $seen{$_}++ for $body =~ m{<th scope="row"><a href="[^"]*/Observation/(m\d+)"}g;
        like($body, qr{1000 in all, 100 on this page\. 100 is the most on a page; the JSON has all}, 'a page says so')
            if !$next;
        ($next) = $body =~ /rel="next" href="([^"]+)"/;
        $next = FHIR::Test::Browser::unescape($next) =~ s{^http://[^/]+}{}r if $next;
    }
    is(join(' ', sort { $a <=> $b } values %seen), join(' ', (1) x 200), '  and the next ones have the next rows');
    my $style = length $t->get('/fhir.css')->body || length $t->get('/dev/r4/fhir.css')->body;
    my $wide = { resourceType => 'CareTeam', name => '"' x 400,
        category => [ map { { text => ('"' x 400) . $_ } } 1 .. 9 ],
        identifier => [ { system => 'urn:many', value => 'wide' } ],
        participant => [ map { { role => [ { text => ('"' x 400) . $_ } ] } } 1 .. 9 ] };
    my $pdf = 'JVBERi0xLjQK' x 420_000;
    $t->load({ resourceType => 'DocumentReference', id => 'pdf', status => 'current', content => [
                { attachment => { contentType => 'application/pdf', data => $pdf } } ] },
        { resourceType => 'Basic', id => 'told', code => { text => 'Told' }, text => { status => 'generated', div =>
                    '<div xmlns="http://www.w3.org/1999/xhtml">' . ('<p>long</p>' x 5_000) . '</div>' },
            extension => [ map { { url => "http://a.example/$_", valueString => 'x' x 300 } } 1 .. 400 ] },
        map { { %$wide, id => "wide$_" } } 1 .. 60);
    my $bundle = $t->post('/dev/r4/Bundle', { resourceType => 'Bundle', type => 'collection',
            entry => [ map { { fullUrl => "http://a.example/Observation/$_->{id}", resource => $_ } }
                @rows[ 0 .. 299 ] ] });
    is($bundle->status, 201, 'a Bundle is stored') or diag substr $bundle->body, 0, 500;
    ($bundle) = $bundle->header('Location') =~ m{/dev/r4/(Bundle/[^/]+)/};
    for my $path ($many, 'Observation/large', 'DocumentReference/pdf', 'Basic/told', $bundle,
        'CareTeam?identifier=urn:many|wide', '_history?_count=1000', "Patient/$patient/\$everything?_count=1000",
        "Observation?patient=$patient&code=85354-9&_count=100", 'Patient?_count=9&_revinclude=Observation:subject',
        'metadata') {
        my $answer = page("/dev/r4/$path");
        is($answer->status, 200, substr $path, 0, 60);
        my $body = $answer->body;
        cmp_ok(length($body) + $style, '<', 100_000, '  is light: ' . length $body);
        is(strange($body), '', '  and well-formed');
    }
    my $rest = page('/dev/r4/CareTeam?identifier=urn:many|wide')->body;
    my ($left, $fewer) = $rest =~ m{id="rest">(\d+) more are not shown.*?<a href="(\?[^"]+)">Show fewer}s;
    cmp_ok($left, '>', 0, 'rows that do not fit are counted');
    $rest = page('/dev/r4/CareTeam' . FHIR::Test::Browser::unescape($fewer))->body;
    unlike($rest, qr/id="rest"/, '  fewer of them fit');
    like($rest, qr/rel="next"/, '  and there is a next page');
    # pools of requests are kept by httpd: what many pages leave is what a few leave
    my $grown = sub {
        my $before = memory();
        $t->get('/dev/r4/Observation?identifier=urn:many|rows&_count=200', Accept => 'text/html') for 1 .. 30;
        return memory() - $before;
    };
    $grown->();
    cmp_ok($grown->(), '<', 4_000, 'memory does not grow with pages') unless FHIR::Test::Httpd::sanitized();
}

SKIP: {
    skip 'a browser looks at the plain build', 1 if FHIR::Test::Httpd::sanitized();
    skip 'chromium is not installed', 1 unless -x '/usr/bin/chromium';
    # the records as they were
    $t->load(write_file(work_dir() . '/again.ndjson', $sample->{out}));
    my @pages = ([ "Patient/$patient", 'a patient', 1 ],
        [ "Observation?patient=$patient&code=http://loinc.org|8867-4&_count=30", 'heart rates', 1 ],
        [ "Observation?patient=$patient&_count=20", 'observations' ], [ 'Patient?nme=x', 'an error' ],
        [ "Patient/$patient/\$everything?_count=30", 'everything' ], [ 'metadata', 'the statement' ]);
    my $done = node('pages.js', $json->encode({ patient => $t->url("/dev/r4/Patient/$patient"),
        shots => $ENV{FHIR_TEST_SHOTS} || '', readme => $ENV{FHIR_TEST_README} || '',
        hostile => [ map { $t->url($_) } grep { !/_history|_id/ } @hostile ],
        pages => [ (map { [ $t->url("/dev/r4/$_->[0]"), @$_[ 1, 2 ] ] } @pages),
            [ $t->url('/dev/dstu2/MedicationOrder?_count=10'), 'orders of DSTU2' ] ] }));
    for (split /\n/, $done->{out}) {
        if (/^(ok|not ok) \d+ - (.*)/) { ok($1 eq 'ok', $2) }
        elsif (/^# (.*)/) { diag($1) }
    }
    is($done->{status}, 0, 'the browser ends well') or diag($done->{err});
}
$t->done;
