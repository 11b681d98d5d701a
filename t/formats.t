#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# JSON, XML and HTML over HTTP: what is asked for is what comes, and what comes in as XML is stored
# like JSON. Parts of resources: _pretty, _summary, _elements.
use strict;
use warnings;
use FHIR::Test;
use Test::More;

my $t = FHIR::Test->new(modules => ['deflate', 'filter', 'brotli'], conf => <<'CONF');
<Location "/zip/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRInteractions all
    Require local
    <IfModule brotli_module>
        AddOutputFilterByType BROTLI_COMPRESS application/fhir+json application/fhir+xml
    </IfModule>
    AddOutputFilterByType DEFLATE application/fhir+json application/fhir+xml
</Location>
<Location "/small/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRInteractions all
    FHIRBodyValuesMax 1000
    FHIRDepthMax 10
    FHIRXMLAttributesMax 8
    Require local
</Location>
CONF
my $div = qq{<div xmlns="http://www.w3.org/1999/xhtml"><p>caf\x{e9} &amp; b</p></div>};
$t->load(
    {
        resourceType => 'Patient', id => 'p1',
        text      => { status => 'generated', div => $div },
        contained => [ { resourceType => 'Organization', id => 'o', name => 'O' } ],
        name      => [ { family => "M\x{fc}ller \x{1F600}", given => [ 'A', undef ],
                _given => [ undef, { extension => [ { url => 'http://example.org/x', valueCode => 'y' } ] } ] } ],
        active => JSON::PP::true, birthDate => '1970-01-01', gender => 'female',
        maritalStatus => { text => 'single' },
        managingOrganization => { reference => '#o' },
    },
    { resourceType => 'Patient', id => 'p2', text => { status => 'generated', div => $div } },
    map { { resourceType => 'Observation', id => "o$_", status => 'final',
            code => { text => "<b>$_</b>" }, subject => { reference => 'Patient/p1' },
            valueQuantity => { value => 1.5, unit => 'mg' }, effectiveDateTime => "2020-01-0$_" } } 1 .. 3,
);

# What can no longer be written, but may have been stored by an older version.
$t->psql(q{UPDATE main.patient SET resource = replace(resource, '</p></div>',
    '</p><p onclick=\"x()\">y</p><script>z()</script></div>')
    WHERE id = 'p2'});

# --- formats of a read
my %type = (json => 'application/fhir+json; charset=utf-8', xml => 'application/fhir+xml; charset=utf-8',
    html => 'text/html; charset=utf-8');
my @read = (
    [ undef, undef, 'json' ],
    [ '*/*', undef, 'json' ],
    [ 'application/fhir+JSON', undef, 'json' ],
    [ 'application/fhir+xml', undef, 'xml' ],
    [ 'text/xml;q=0.5, application/json;q=0.4', undef, 'xml' ],
    [ 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', undef, 'html' ],
    [ 'application/fhir+json', 'xml', 'xml' ],
    [ 'image/png', 'application/fhir+xml', 'xml' ],
    [ 'image/png', 'application%2Ffhir%2Bjson', 'json' ],
    [ undef, 'html', 'html' ],
);
for (@read) {
    my ($accept, $format, $want) = @$_;
    my $name = sprintf 'Accept %s, _format %s', map { $_ // 'none' } $accept, $format;
    my $answer = $t->get('/dev/r4/Patient/p1' . ($format ? "?_format=$format" : ''),
        $accept ? (Accept => $accept) : ());
    is $answer->status, 200, $name;
    is $answer->header('Content-Type'), $type{$want}, "$name: $want";
    like $answer->header('Vary'), qr/Accept/, "$name: caches are told";
}
my $xml = $t->get('/dev/r4/Patient/p1', Accept => 'application/fhir+xml');
like $xml->body,
    qr{^<\?xml version="1.0" encoding="UTF-8"\?><Patient xmlns="http://hl7.org/fhir"><id value="p1"/><meta>},
    'XML in the order of the definitions';
like $xml->body, qr{<given value="A"/><given><extension url="http://example.org/x">},
    'a primitive with an extension only';
like $xml->body, qr{<contained><Organization><id value="o"/>}, 'a contained resource';
like $xml->body, qr{<family value="M\xc3\xbcller \xf0\x9f\x98\x80"/>}, 'characters beyond the first plane';

# --- caches and conditions
my %tag = map { $_ => $t->get("/dev/r4/Patient/p1?_format=$_")->header('ETag') } qw(json xml html);
is $tag{json}, 'W/"1"', 'the tag of JSON is the version';
is $tag{xml}, $tag{json}, 'and that of XML, as R4 says';
isnt $tag{html}, $tag{json}, 'a page has another';
like $t->get('/dev/r4/Patient/p1')->header('Vary'), qr/Accept/, 'caches keep the formats apart';
is $t->get('/dev/r4/Patient/p1?_format=xml', 'If-None-Match' => $tag{xml})->status, 304, 'unchanged XML';
is $t->get('/dev/r4/Patient/p1?_format=html', 'If-None-Match' => $tag{json})->status, 200, 'a page is not JSON';
is $t->get('/dev/r4/Patient/p1', 'If-None-Match' => "$tag{xml}, $tag{json}")->status, 304, 'one of a list';
my $head = $t->head('/dev/r4/Patient/p1', Accept => 'application/fhir+xml');
is $head->status, 200, 'HEAD';
is $head->header('Content-Type'), $type{xml}, 'HEAD negotiates';
is $head->body, '', 'HEAD has no body';

# --- refusals
is_outcome $t->get('/dev/r4/Patient/p1', Accept => 'image/png'), 406, 'not-supported', qr/fhir\+json/, 'no such format';
is_outcome $t->get('/dev/r4/Patient/p1?_format=ttl'), 406, 'not-supported', qr/_format/, 'no such _format';
is_outcome $t->get('/dev/r4/Patient/p1', Accept => 'application/fhir+json; fhirVersion=3.0'), 406,
    'not-supported', qr/4\.0\.1/, 'another version';
is_outcome $t->get('/dev/r4/Patient/p1?_pretty=yes'), 400, 'invalid', qr/_pretty/, 'no such _pretty';
is $t->get('/dev/r4/Patient/none', Accept => 'application/fhir+xml')->header('Content-Type'), $type{xml},
    'errors as XML';
like $t->get('/dev/r4/Patient/none', Accept => 'application/fhir+xml')->body,
    qr{<OperationOutcome .*<severity value="error"/>}s, 'an outcome in XML';
like $t->get('/dev/r4/Patient?_format=xml&nam=a')->body, qr{<OperationOutcome }, 'errors of a search in XML';
is $t->get('/dev/r4/nothing/here/at/all?_format=xml')->header('Content-Type'), $type{xml}, 'no such path, in XML';

# --- Bundles
my $page = $t->get('/dev/r4/Observation?patient=p1&_count=2&_total=accurate&_format=xml');
is $page->status, 200, 'a page as XML';
like $page->body,
qr{^<\?xml[^>]*><Bundle xmlns="http://hl7.org/fhir"><type value="searchset"/><total value="3"/><link>.*</link><entry>}s,
    'total and links stand before the entries';
is scalar(() = $page->body =~ /<entry>/g), 2, 'two entries';
my ($next) = $page->body =~ m{<relation value="next"/><url value="([^"]+)"};
$next =~ s/&amp;/&/g;
is scalar(() = $t->get($next)->body =~ /<entry>/g), 1, 'the next page, from its link';
like $next, qr/_format=xml/, 'the link keeps the format';
my $none = $t->get('/dev/r4/Observation?patient=none&_format=xml');
unlike $none->body, qr/<entry>/, 'no entries';
like $t->get('/dev/r4/Patient/p1/_history?_format=xml')->body, qr{<request><method value="POST"/>}, 'history';
like $t->get('/dev/r4/metadata?_format=xml')->body, qr{<CapabilityStatement .*<format value="xml"/>}s, 'metadata';

# --- pretty
my $pretty = $t->get('/dev/r4/Observation?patient=p1&_pretty=true');
like $pretty->body, qr/^\{\n  "resourceType": "Bundle",\n/, 'pretty JSON';
like $pretty->body, qr/\n  "entry": \[\n    \{\n      "fullUrl": /, 'entries at their depth';
is scalar($pretty->ids), 3, 'is JSON';
like $t->get('/dev/r4/Observation?patient=p1&_pretty=true&_format=xml')->body,
    qr{\n  <entry>\n    <fullUrl value="[^"]+"/>\n    <resource>\n      <Observation>\n        <id }, 'pretty XML';

# --- parts
sub members { return join ' ', sort keys %{ $_[0] } }
sub is_subset { my ($r) = @_; return scalar grep { $_->{code} eq 'SUBSETTED' } @{ $r->{meta}{tag} || [] } }
my $r = $t->get('/dev/r4/Patient/p1?_elements=birthDate')->json;
is members($r), 'active birthDate id meta resourceType', '_elements, with what must not be missed';
ok is_subset($r), 'and the tag';
$r = $t->get('/dev/r4/Patient/p1?_summary=true')->json;
is members($r), 'active birthDate contained gender id managingOrganization meta name resourceType', '_summary=true';
ok is_subset($r), 'and the tag';
$r = $t->get('/dev/r4/Patient/p1?_summary=text')->json;
is members($r), 'active id meta resourceType text', '_summary=text';
$r = $t->get('/dev/r4/Patient/p1?_summary=data')->json;
ok !$r->{text} && $r->{maritalStatus} && is_subset($r), '_summary=data';
$r = $t->get('/dev/r4/Patient/p1?_summary=false')->json;
ok $r->{text} && $r->{maritalStatus} && !is_subset($r), '_summary=false';
$r = $t->get('/dev/r4/Observation?patient=p1&_elements=subject')->json;
is_deeply [ map { members($_->{resource}) } @{ $r->{entry} } ],
    [ ('code id meta resourceType status subject') x 3 ], '_elements of a search';
$r = $t->get('/dev/r4/Observation?patient=p1&_summary=count&_total=accurate')->json;
ok $r->{total} == 3 && !$r->{entry}, '_summary=count';
like $t->get('/dev/r4/Observation?patient=p1&_elements=value&_format=xml')->body,
    qr{<tag><system value="[^"]+"/><code value="SUBSETTED"/>.*<valueQuantity>}s,
    '_elements in XML, a choice by its base name';
$r = $t->get('/dev/r4/Patient/p1/_history?_elements=gender')->json;
is members($r->{entry}[0]{resource}), 'active gender id meta resourceType', '_elements of a history';
for my $where ('Patient/p1/_history', 'Patient/_history', '_history') {
    my $n = scalar @{ $t->get("/dev/r4/$where")->json->{entry} };
    $r = $t->get("/dev/r4/$where?_summary=count")->json;
    ok $r->{total} == $n && !$r->{entry}, "_summary=count of $where: $n";
    like $t->get("/dev/r4/$where?_summary=count&_format=xml")->body, qr{<type value="history"/><total value="$n"/>},
        'as XML';
}
is_outcome $t->get('/dev/r4/Patient/none/_history?_summary=count'), 404, 'not-found', qr/no Patient/,
    '_summary=count of what is not there';
is_outcome $t->get('/dev/r4/Patient/p1?_summary=count'), 400, 'invalid', qr/searches and histories/,
    '_summary=count of a read';
$r = $t->get('/dev/r4/?_type=Patient,Observation&_elements=gender,value')->json;
is_deeply { map { ($_->{resource}{id} => members($_->{resource})) } @{ $r->{entry} } },
    { p1 => 'active gender id meta resourceType', p2 => 'id meta resourceType',
        map { ("o$_" => 'code id meta resourceType status valueQuantity') } 1 .. 3 },
    '_elements of several types';
is_outcome $t->get('/dev/r4/_history?_elements=nam'), 400, 'invalid', qr/"nam", which no resource type has/,
    'unknown element of all types';
is_outcome $t->get('/dev/r4/Patient/p1?_elements=nam'), 400, 'invalid', qr/"nam".*birthDate/, 'unknown element';
is_outcome $t->get('/dev/r4/Patient?_summary=some'), 400, 'invalid', qr/true, text, data/, 'unknown summary';
is_outcome $t->get('/dev/r4/Patient?_summary=true&_elements=name'), 400, 'invalid', qr/only one/, 'both';

# --- for people
my $html = $t->get('/dev/r4/Patient/p1', Accept => 'text/html');
like $html->header('Content-Security-Policy'), qr/default-src 'none'/, 'nothing is loaded or run';
like $html->body, qr{<div class="narrative"><div><p>caf\xc3\xa9 &amp; b</p></div></div>}, 'the narrative';
like $t->get('/dev/r4/Patient/p2', Accept => 'text/html')->body,
    qr{</p><p>y</p>z\(\)</div></div>}, 'what is not allowed in it is left out';
$html = $t->get('/dev/r4/Observation?patient=p1&_count=2', Accept => 'text/html');
unlike $html->body, qr{<b>1</b>}, 'data is escaped';
like $t->get('/dev/r4/Observation/o1', Accept => 'text/html')->body,
    qr{<a rel="noreferrer" href="http://[^"]+/dev/r4/Patient/p1">}, 'references are links';
like $t->get('/dev/r4/Patient?nam=a', Accept => 'text/html')->body,
    qr{<h1>400 The request has a mistake</h1>\s*<p class="note note-bad"><strong>error</strong> Patient has no search},
    'an error in words';
like $html->body, qr{<a class="button small" rel="next" href="[^"]+_cursor=[^"]+">Next page</a>}, 'paging';

# --- a search by form
my $form = $t->post('/dev/r4/Observation/_search', 'patient=p1&_format=xml&_elements=subject',
    'Content-Type' => 'application/x-www-form-urlencoded', Accept => 'application/fhir+json');
is $form->header('Content-Type'), $type{xml}, '_format in a form';
my %form = ('Content-Type' => 'application/x-www-form-urlencoded', Accept => 'image/png');
for ('Observation/_search', 'Patient/p1/Observation/_search', '_search?_type=Observation') {
    my $found = $t->post("/dev/r4/$_", '_count=1&_format=application/fhir+xml', %form);
    is $found->status, 200, "$_: _format of the form wins over Accept";
    is $found->header('Content-Type'), $type{xml}, 'and says which one';
    is_outcome $t->post("/dev/r4/$_", '_count=1', %form), 406, 'not-supported', qr/Accept/, 'a form without _format';
    is_outcome $t->post("/dev/r4/$_", '', %form), 406, 'not-supported', qr/Accept/, 'an empty form';
    is_outcome $t->post("/dev/r4/$_", '_format=ttl', %form), 406, 'not-supported', qr/_format/, 'no such _format';
}
like $form->body, qr/SUBSETTED/, '_elements in a form';

# --- XML as input
my %xml = ('Content-Type' => 'application/fhir+xml');
my $posted = $t->post('/dev/r4/Patient', <<'XML', %xml);
<?xml version="1.0" encoding="UTF-8"?>
<Patient xmlns="http://hl7.org/fhir">
  <!-- a comment -->
  <text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">a<br />b</div></text>
  <name><family value="A &amp; B&#10;C"/></name>
  <birthDate id="b"><extension url="http://example.org/x"><valueDecimal value="1.00"/></extension></birthDate>
</Patient>
XML
is $posted->status, 201, 'a resource created from XML' or diag $posted->body;
my ($id) = $posted->header('Location') =~ m{/Patient/([^/]+)/};
my $stored = $t->get("/dev/r4/Patient/$id", Accept => 'application/fhir+json');
is $stored->json->{name}[0]{family}, "A & B\nC", 'text as it was';
like $stored->body, qr/"valueDecimal":1\.00/, 'digits as they were';
is $stored->json->{text}{div}, '<div xmlns="http://www.w3.org/1999/xhtml">a<br />b</div>', 'narrative as it was';
my $put = $t->get("/dev/r4/Patient/$id", Accept => 'application/fhir+xml');
is $t->put("/dev/r4/Patient/$id", $put->body, %xml, 'If-Match' => $put->header('ETag'))->status, 200,
    'what was read as XML goes back, with its own tag';
my $answer = $t->post('/dev/r4/Patient', '<Patient xmlns="http://hl7.org/fhir"/>', %xml,
    Accept => 'application/fhir+xml',
    Prefer => 'return=representation');
like $answer->body, qr{<Patient xmlns="http://hl7.org/fhir"><id }, 'and is answered as XML';
my @bad = (
    [ '<Patient xmlns="http://hl7.org/fhir"><nam/></Patient>', 422, 'structure', qr/line 1, column/,
        'an unknown element' ],
    [ '<Patient xmlns="http://hl7.org/fhir"><id>', 400, 'structure', qr/line 1, column/, 'an end that is missing' ],
    [ '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Patient xmlns="http://hl7.org/fhir"/>', 400,
        'structure', qr/document types/, 'a document type' ],
    [ qq{<Patient xmlns="http://hl7.org/fhir">\n  <gender value="x"/>\n</Patient>}, 422, 'code-invalid',
        qr/line 2, column/,
        'a code that is none, with its place in the XML' ],
    [ '<Patient/>', 400, 'structure', qr/namespace/, 'no namespace' ],
    [ '<?xml version="1.0" encoding="ISO-8859-1"?><Patient xmlns="http://hl7.org/fhir"/>', 400, 'structure', qr/UTF-8/,
        'an encoding' ],
    [ "<Patient xmlns=\"http://hl7.org/fhir\">\0</Patient>", 400, 'structure', qr/U\+0000/, 'NUL' ],
    [ '<Patient xmlns="http://hl7.org/fhir"><text><status value="generated"/>'
            . '<div xmlns="http://www.w3.org/1999/xhtml"><script>x</script></div></text></Patient>',
        422, 'value', qr/not allowed in a narrative/, 'a script' ],
    [ '<a>' x 100, 400, 'structure', qr/namespace/, 'no FHIR at all' ],
    [ '<Patient xmlns="http://hl7.org/fhir">' . '<extension url="x">' x 100,
        413, 'too-long', qr/^XML.*deeper/, 'depth' ],
    [ '<Patient xmlns="http://hl7.org/fhir">' . '<extension url="x">' x 40 . '</extension>' x 40 . '</Patient>',
        413, 'too-long', qr/^(?!JSON, line).*64 levels.*FHIRDepthMax/, 'depth that lists double' ],
);
for (@bad) {
    my ($body, $status, $code, $text, $name) = @$_;
    is_outcome $t->post('/dev/r4/Patient', $body, %xml), $status, $code, $text, "XML: $name";
}
is_outcome $t->post('/dev/r4/Patient', '{}', 'Content-Type' => 'text/plain'), 415, 'not-supported', qr/fhir\+json/,
    'another type';
is_outcome $t->post('/dev/r4/Patient', '{}', 'Content-Type' => 'application/fhir+json; charset=utf-16'), 415,
    'not-supported', qr/UTF-8/, 'another charset';
is_outcome $t->post('/dev/r4/Patient', '{}', 'Content-Type' => 'application/fhir+json, application/fhir+xml'), 415,
    'not-supported', qr/fhir\+json/, 'two types';
is_outcome $t->post('/dev/r4/Patient', "{\n]", 'Content-Type' => 'application/fhir+json'), 400, 'structure',
    qr/^JSON, line 2, column 1: (?!.*line 2)/, 'the place is said once';
is $t->post('/dev/r4/Patient', '{"resourceType":"Patient"}',
    'Content-Type' => 'application/fhir+json; charset=UTF-8')->status,
    201, 'the charset that is right';

for ('fhirVersion=3.0', 'charset=utf-16') {
    is_outcome $t->patch('/dev/r4/Patient/p1', '{}', 'Content-Type' => "application/fhir+json; $_",
        'If-Match' => 'W/"1"'), 415,
        'not-supported', qr/fhirVersion|charset/, "a patch with $_";
}

# --- limits of an endpoint, in both formats
my $given = join '', map {'<given value="a"/>'} 1 .. 1000;
is_outcome $t->post('/small/r4/Patient', "<Patient xmlns=\"http://hl7.org/fhir\"><name>$given</name></Patient>", %xml),
    413, 'too-long', qr/more values/, 'XML with many values';
is_outcome $t->post('/small/r4/Patient', '{"resourceType":"Patient","name":[' . '0,' x 1000 . '0]}',
    'Content-Type' => 'application/fhir+json'), 413, 'too-long', qr/more values/, 'JSON with many values';
is_outcome $t->post('/small/r4/Patient', '<Patient xmlns="http://hl7.org/fhir">' . '<extension url="x">' x 11, %xml),
    413, 'too-long', qr/^XML, line 1, .*deeper than 10/, 'deep XML';
my $eight = join ' ', map {"a$_=''"} 1 .. 8;
is_outcome $t->post('/small/r4/Patient', "<Patient xmlns='http://hl7.org/fhir' $eight/>", %xml), 413, 'too-long',
    qr/more than 8 attributes/, 'attributes of an element';
my $scope = join '', map {"<extension url='x' xmlns:a$_='b' xmlns:c$_='d'>"} 1 .. 4;
is_outcome $t->post('/small/r4/Patient', "<Patient xmlns='http://hl7.org/fhir'>$scope", %xml), 413, 'too-long',
    qr/more than 8 namespaces/, 'namespaces around an element';
for (['<b>' x 10 . 'x' . '</b>' x 10, qr/nested too deeply; at most 10/], ["<b $eight c=''>x</b>", qr/at most 8/]) {
    my ($inner, $text) = @$_;
    is_outcome $t->post('/small/r4/Patient', { resourceType => 'Patient', text => { status => 'generated',
        div => "<div xmlns=\"http://www.w3.org/1999/xhtml\">$inner</div>" } }), 422, 'value', $text,
        'a narrative over a limit';
}
my $declares = join '', map {"<a:add xmlns:a='b' sel='x'/>"} 1 .. 9;
is_outcome $t->patch('/small/r4/Patient/p1', "<diff>$declares</diff>", 'Content-Type' => 'application/xml-patch+xml'),
    413, 'too-long', qr/more than 8 namespaces/, 'namespaces of an XML Patch';
is_outcome $t->patch('/small/r4/Patient/p1', "<diff $eight b=''/>", 'Content-Type' => 'application/xml-patch+xml'),
    413, 'too-long', qr/more than 8 attributes/, 'attributes of an XML Patch';
is_outcome $t->patch('/small/r4/Patient/p1', '<!DOCTYPE a [<!ENTITY b "c">]><diff>&b;</diff>',
    'Content-Type' => 'application/xml-patch+xml'), 400, 'structure', qr/document types/, 'an entity in an XML Patch';

# --- compression is httpd's
for my $coding (qw(gzip br)) {
    next if $coding eq 'br' && !-e FHIR::Test::System::apxs_value('LIBEXECDIR') . '/mod_brotli.so';
    my $zipped = $t->get('/zip/r4/Observation?_format=xml', 'Accept-Encoding' => $coding);
    is $zipped->header('Content-Encoding'), $coding, "a page in $coding";
    like $zipped->header('Vary'), qr/Accept-Encoding/, "$coding: caches are told";
    my $tag = $t->get('/zip/r4/Patient/p1?_format=xml', 'Accept-Encoding' => $coding)->header('ETag');
    is $t->get('/zip/r4/Patient/p1?_format=xml', 'If-None-Match' => $tag)->status, 304,
        "$coding: the tag $tag is known";
}

# --- HL7's schema, where it is
SKIP: {
    my $schema = source_dir() . '/../shared/fhir/r4/xsd/fhir-single.xsd';
    skip 'no schema beside the source tree', 1 unless -f $schema;
    for my $path ('Patient/p1', 'Observation?patient=p1&_count=2', 'Patient/p1/_history', 'metadata', 'Patient/none',
        'Observation?patient=p1&_pretty=true', 'Patient/p1?_summary=true', 'Observation?_elements=subject') {
        my $file = work_dir() . '/answer.xml';
        open my $out, '>', $file or die $!;
        print {$out} $t->get("/dev/r4/$path" . ($path =~ /\?/ ? '&' : '?') . '_format=xml')->body;
        close $out;
        my $said = qx(xmllint --noout --schema '$schema' '$file' 2>&1);
        is $?, 0, "$path is valid against the schema" or diag $said;
    }
}
$t->done;
