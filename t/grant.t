#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# What a grant does not show cannot be seen, nor inferred: every answer is the same as from a database in
# which the rest does not exist. Each grant's requests run on both, through t/unit/grant_run.
use strict;
use warnings;
use FHIR::Test::Postgres;
use FHIR::Test::System qw(built run work_dir write_file);
use IPC::Open2;
use JSON::PP ();
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $LOINC = 'http://loinc.org';
my $CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category';

sub ref_to { return { reference => $_[0] } }
sub concept { return { coding => [ { system => $_[0], code => $_[1] } ] } }

# One patient's records; other: a patient whom some of them name, too.
sub records {
    my ($p, $other, $n) = @_;
    my $patient = ref_to("Patient/$p-pat");
    my %about = (subject => $patient);
    my @observations = map { my $i = $_; {
            resourceType => 'Observation', id => "$p-obs$i", status => 'final', %about,
                encounter => ref_to("Encounter/$p-enc"),
            category => [ concept($CATEGORY, $i % 2 ? 'laboratory' : 'vital-signs') ],
            code => concept($LOINC, $i % 3 ? '1-8' : "$n-8"),
            effectiveDateTime => sprintf('20%02d-0%d-01', 10 + $n, $i), valueQuantity => { value => $n * 10 + $i,
                unit => 'mg' },
            performer => [ ref_to('Practitioner/doc'), $i == 5 ? ref_to("Patient/$other-pat") : () ] } } 1 .. 5;
    return (
        { resourceType => 'Patient', id => "$p-pat", name => [ { family => "Family$p", given => ["Given$p"] } ],
            birthDate => "19${n}0-01-01",
            gender => $n % 2 ? 'male' : 'female', identifier => [ { system => 'urn:mrn', value => "mrn-$p" } ],
            generalPractitioner => [ ref_to("Practitioner/doc$p") ],
            link => [ { other => ref_to("Patient/$other-pat"), type => 'seealso' } ] },
        { resourceType => 'Practitioner', id => "doc$p", name => [ { family => "Doctor$p" } ] },
        @observations,
        { resourceType => 'Encounter', id => "$p-enc", status => 'finished', class => { code => 'AMB' }, %about,
            participant => [ { individual => ref_to('Practitioner/doc') } ],
            serviceProvider => ref_to('Organization/org') },
        { resourceType => 'Condition', id => "$p-cond", %about, code => concept('urn:c', "cond-$p"),
            asserter => ref_to("Patient/$other-pat"),
            encounter => ref_to("Encounter/$p-enc"),
            clinicalStatus => concept('http://terminology.hl7.org/CodeSystem/condition-clinical', 'active') },
        { resourceType => 'MedicationStatement', id => "$p-st", status => 'active', %about,
            medicationReference => ref_to('#in'),
            contained => [ { resourceType => 'Medication', id => 'in', code => concept('urn:m', "in-$p") } ] },
        { resourceType => 'Encounter', id => "$p-enc2", status => 'finished', class => { code => 'AMB' }, %about,
            reasonReference => [ ref_to('#c') ],
            contained => [ { resourceType => 'Condition', id => 'c', subject => ref_to("Patient/$other-pat"),
                code => concept('urn:c', "in-$p") } ] },
        { resourceType => 'MedicationRequest', id => "$p-med", status => 'active', intent => 'order', %about,
            medicationReference => ref_to('Medication/m') },
        { resourceType => 'DocumentReference', id => "$p-doc", status => 'current', %about, author => [ ref_to('#c') ],
            contained => [ { resourceType => 'Practitioner', id => 'c', name => [ { family => "Contained$p" } ] } ],
            type => concept($LOINC, '34133-9'),
            date => "20${n}0-01-01T00:00:00Z", content => [ { attachment => { url => "Binary/$p-bin" } } ] },
        { resourceType => 'Binary', id => "$p-bin", contentType => 'text/plain', data => 'c2VjcmV0',
            securityContext => $patient },
        { resourceType => 'Binary', id => "$p-bin2", contentType => 'text/plain', data => 'c2VjcmV0',
            securityContext => ref_to("Encounter/$p-enc") },
        { resourceType => 'Provenance', id => "$p-prov", recorded => '2020-01-01T00:00:00Z',
            agent => [ { who => ref_to('Practitioner/doc') } ],
            target => [ ref_to("Observation/$p-obs1"), ref_to("Condition/$p-cond"), ref_to('Medication/m') ] },
        { resourceType => 'RelatedPerson', id => "$p-rel", patient => $patient, name => [ { family => "Rel$p" } ] },
        { resourceType => 'CareTeam', id => "$p-team", status => 'active', %about,
            participant => [ { member => ref_to("Practitioner/doc$p") } ] },
        { resourceType => 'List', id => "$p-list", status => 'current', mode => 'working', %about,
            entry => [ map { { item => ref_to($_) } } "Observation/$p-obs1", "Observation/$other-obs1",
                map { ("MedicationRequest/$_-med", "MedicationRequest/$_-plan") } $p, $other ] },
        { resourceType => 'MedicationRequest', id => "$p-plan", status => 'active', intent => 'plan', %about,
            medicationReference => ref_to('Medication/m') },
        { resourceType => 'Device', id => "$p-dev", patient => $patient },
        { resourceType => 'Communication', id => "$p-comm", status => 'completed', %about,
            recipient => [ ref_to("Patient/$other-pat") ] },
        { resourceType => 'Appointment', id => "$p-app", status => 'booked',
            participant => [ { actor => $patient, status => 'accepted' } ] },
        { resourceType => 'Account', id => "$p-acc", status => 'active', subject => [$patient] },
        { resourceType => 'Group', id => "$p-group", type => 'person', actual => JSON::PP::true,
            member => [ { entity => $patient } ] },
        { resourceType => 'Person', id => "$p-person", link => [ { target => $patient } ] },
        # what names the patient, and beside only what is the patient's or nobody's
        { resourceType => 'Appointment', id => "$p-app2", status => 'booked', slot => [ ref_to('Slot/s') ],
            reasonReference => [ ref_to("Condition/$p-cond") ],
            participant => [ map { { actor => $_, status => 'accepted' } } $patient, ref_to("RelatedPerson/$p-rel"),
                ref_to('Practitioner/doc'),
                { identifier => { value => '7' }, type => 'Practitioner' }, ref_to('Location/l'),
                    ref_to('http://other.example/fhir/Practitioner/9') ] },
        { resourceType => 'AppointmentResponse', id => "$p-resp", participantStatus => 'accepted', actor => $patient,
            appointment => ref_to("Appointment/$p-app") },
        { resourceType => 'Account', id => "$p-acc2", status => 'active', subject => [$patient],
            coverage => [ { coverage => ref_to("Coverage/$p-cov") } ],
            owner => { display => 'The practice' }, guarantor => [ { party => ref_to('#o') } ],
                contained => [ { resourceType => 'Organization', id => 'o', name => 'Payer' } ] },
        { resourceType => 'Group', id => "$p-group2", type => 'person', actual => JSON::PP::true,
            member => [ map { { entity => $_ } } $patient, ref_to("Group/$p-group") ],
            managingEntity => ref_to('#r'), contained => [ { resourceType => 'RelatedPerson', id => 'r',
                patient => $patient } ] },
        { resourceType => 'Provenance', id => "$p-prov2", recorded => '2020-01-01T00:00:00Z',
            target => [ ref_to("Encounter/$p-enc") ],
            agent => [ map { { who => $_ } } $patient, ref_to("RelatedPerson/$p-rel"), ref_to("Device/$p-dev"),
                { type => 'Organization', display => 'The practice' } ],
            entity => [ { role => 'source', what => ref_to("DocumentReference/$p-doc") } ] },
        { resourceType => 'Coverage', id => "$p-cov", status => 'active', beneficiary => $patient,
            payor => [ ref_to('Organization/org') ] },
    );
}

# What no scope for a patient shows: it names several patients, or cannot be told whom it is about.
my @shut = (
    { resourceType => 'Group', id => 'z-group', type => 'person', actual => JSON::PP::true,
        member => [ map { { entity => ref_to("Patient/$_-pat") } } qw(a b) ] },
    { resourceType => 'Appointment', id => 'z-app', status => 'booked',
        participant => [ map { { actor => ref_to("Patient/$_-pat"), status => 'accepted' } } qw(a b) ] },
    { resourceType => 'Account', id => 'z-acc', status => 'active',
        subject => [ map { ref_to("Patient/$_-pat") } qw(a b) ] },
    { resourceType => 'Provenance', id => 'z-prov', recorded => '2020-01-01T00:00:00Z',
        agent => [ { who => ref_to('Practitioner/doc') } ],
        target => [ map { ref_to("Observation/$_-obs1") } qw(a b) ] },
    { resourceType => 'Provenance', id => 'z-prov2', recorded => '2020-01-01T00:00:00Z',
        agent => [ { who => ref_to('Practitioner/doc') } ],
        target => [ map { ref_to("Patient/$_-pat") } qw(a b) ] },
    { resourceType => 'Linkage', id => 'z-link',
        item => [ map { { type => 'source', resource => ref_to("Patient/$_-pat") } } qw(a b) ] },
    { resourceType => 'Binary', id => 'z-bin', contentType => 'text/plain', data => 'c2VjcmV0' },
    { resourceType => 'Bundle', id => 'z-bundle', type => 'document',
        entry => [ { resource => { resourceType => 'Patient', id => 'b-pat' } } ] },
    { resourceType => 'DeviceMetric', id => 'z-metric', type => concept('urn:m', '1'), category => 'measurement',
        source => ref_to('Device/b-dev') },
    { resourceType => 'EnrollmentResponse', id => 'z-enrol', request => ref_to('EnrollmentRequest/b') },
    { resourceType => 'Observation', id => 'z-obs', status => 'final', code => concept($LOINC, '1-8'),
        performer => [ ref_to('Practitioner/doc') ] },
    { resourceType => 'Parameters', id => 'z-par', parameter => [ { name => 'patient', valueString => 'b-pat' } ] },
);
# Each way to speak of somebody who is not certainly this patient, in each place of a resource that may be
# about several, or about nobody. Every one of them is shut.
my %somebody = (
    literal => [ ref_to('Patient/b-pat') ],
    version => [ ref_to('Patient/b-pat/_history/1') ],
    slash => [ ref_to('Patient/b-pat/') ],
    'slash-own' => [ ref_to('Patient/a-pat/') ],
    other => [ ref_to('http://other.example/fhir/Patient/9') ],
    urn => [ ref_to('urn:uuid:7d3c1c52-7c63-4f8c-8c5f-3f5e0c9d0a01') ],
    unknown => [ ref_to('Patient') ],
    logical => [ { identifier => { system => 'urn:mrn', value => 'mrn-b' } } ],
    words => [ { display => 'Familyb' } ],
    typed => [ { type => 'Patient', display => 'Familyb' } ],
    related => [ ref_to('RelatedPerson/b-rel') ],
    group => [ ref_to('Group/b-group') ],
    shared => [ ref_to('Group/z-group') ],
    person => [ ref_to('Person/b-person') ],
    record => [ ref_to('Condition/b-cond') ],
    device => [ ref_to('Device/b-dev') ],
    contained => [ ref_to('#c'), { resourceType => 'Patient', id => 'c', name => [ { family => 'Familyb' } ] } ],
    'contained-related' => [ ref_to('#c'), { resourceType => 'RelatedPerson', id => 'c',
        patient => ref_to('Patient/b-pat') } ],
    'contained-nobodys' => [ ref_to('#c'), { resourceType => 'Group', id => 'c', type => 'person',
        actual => JSON::PP::true } ],
);
my $own = ref_to('Patient/a-pat');
my $URL = 'http://example.org/speaks-of';
my %place = (
    'group-member' => sub { { resourceType => 'Group', type => 'person', actual => JSON::PP::true,
        member => [ map { { entity => $_ } } $own, $_[0] ] } },
    'group-manager' => sub { { resourceType => 'Group', type => 'person', actual => JSON::PP::true,
        member => [ { entity => $own } ], managingEntity => $_[0] } },
    'group-trait' => sub {
        { resourceType => 'Group', type => 'person', actual => JSON::PP::true, member => [ { entity => $own } ],
            characteristic => [ { code => concept('urn:c', 'x'), valueReference => $_[0],
                exclude => JSON::PP::false } ] } },
    'app-actor' => sub { { resourceType => 'Appointment', status => 'booked', participant => [ map { { actor => $_,
        status => 'accepted' } } $own, $_[0] ] } },
    'app-info' => sub {
        { resourceType => 'Appointment', status => 'booked', participant => [ { actor => $own,
            status => 'accepted' } ], supportingInformation => [ $_[0] ] } },
    'acc-subject' => sub { { resourceType => 'Account', status => 'active', subject => [ $own, $_[0] ] } },
    'acc-guarantor' => sub { { resourceType => 'Account', status => 'active', subject => [$own],
        guarantor => [ { party => $_[0] } ] } },
    'person-link' => sub { { resourceType => 'Person', link => [ map { { target => $_ } } $own, $_[0] ] } },
    'prov-target' => sub { { resourceType => 'Provenance', recorded => '2020-01-01T00:00:00Z',
        agent => [ { who => ref_to('Practitioner/doc') } ], target => [ $own, $_[0] ] } },
    'prov-who' => sub { { resourceType => 'Provenance', recorded => '2020-01-01T00:00:00Z',
        agent => [ { who => $_[0] } ], target => [ ref_to('Organization/org') ] } },
    'prov-for' => sub {
        { resourceType => 'Provenance', recorded => '2020-01-01T00:00:00Z',
            agent => [ { who => ref_to('Practitioner/doc'), onBehalfOf => $_[0] } ],
            target => [ ref_to('Observation/a-obs1') ] } },
    'prov-entity' => sub {
        { resourceType => 'Provenance', recorded => '2020-01-01T00:00:00Z',
            agent => [ { who => ref_to('Practitioner/doc') } ], target => [$own],
            entity => [ { role => 'source', what => $_[0] } ] } },
    binary => sub { { resourceType => 'Binary', contentType => 'text/plain', data => 'c2VjcmV0',
        securityContext => $_[0] } },
    medication => sub { { resourceType => 'Medication', code => concept('urn:m', '2'), extension => [ { url => $URL,
        valueReference => $_[0] } ] } },
    practitioner => sub {
        { resourceType => 'Practitioner', active => JSON::PP::true, name => [ { family => 'X',
            _family => { extension => [ { url => $URL, valueReference => $_[0] } ] } } ] } },
    organization => sub { { resourceType => 'Organization', contact => [ { extension => [ { url => $URL,
        extension => [ { url => 'x', valueReference => $_[0] } ] } ] } ] } },
    'audit-who' => sub {
        { resourceType => 'AuditEvent', type => { code => 'rest' }, recorded => '2020-01-01T00:00:00Z',
            agent => [ map { { who => $_, requestor => JSON::PP::true } } $own, $_[0] ],
            source => { observer => ref_to('Organization/org') } } },
);
my %is_form;
for my $place (sort keys %place) {
    for my $form (sort keys %somebody) {
        my ($who, @contained) = @{ $somebody{$form} };
        next if @contained and $place eq 'binary'; # it cannot contain anything
        $is_form{"z-$place-$form"} = 1;
        push @shut, { %{ $place{$place}->($who) }, id => "z-$place-$form",
            @contained ? (contained => \@contained) : () };
    }
}
push @shut, { resourceType => 'Medication', id => 'z-med-in', contained => [ { resourceType => 'Patient',
    id => 'c' } ] },
    { resourceType => 'Account', id => 'z-acc-owner', status => 'active', subject => [$own],
        owner => ref_to('Patient/b-pat') },
    { resourceType => 'Questionnaire', id => 'z-quest', url => 'urn:z', status => 'active',
        derivedFrom => ['Patient/b-pat'] };
# What every scope of a type shows.
my @open = (
    { resourceType => 'Practitioner', id => 'doc', name => [ { family => 'Doctor' } ] },
    { resourceType => 'Organization', id => 'org', name => 'Org' },
    { resourceType => 'Medication', id => 'm', code => concept('urn:m', '1') },
    { resourceType => 'ValueSet', id => 'vs', url => 'urn:vs', status => 'active' },
    { resourceType => 'Questionnaire', id => 'q', url => 'urn:q', status => 'active' },
);
my @all = (@open, @shut, records('a', 'b', 1), records('b', 'a', 2));

# ---- the two sides ----

my $cluster = FHIR::Test::Postgres::cluster();
my (%runner, @databases);

sub side {
    my ($name, @resources) = @_;
    my $database = $cluster->create_database;
    push @databases, $database;
    my $file = write_file(work_dir() . "/$name.ndjson", join '', map { $json->encode($_) . "\n" } @resources);
    my $rejects = work_dir() . "/$name.rejects";
    my $done = run({ env => $cluster->env($database) }, built('fhirctl'), 'load', '--rejects', $rejects, $file);
    die "fhirctl load: $done->{out}$done->{err}" if $done->{status};
    my $pid = open2(my $out, my $in, built('t/unit/grant_run'), $cluster->conninfo($database, 'fhir'));
    $runner{$name} = { pid => $pid, out => $out, in => $in };
    return;
}

# [status, body] of a request under a grant.
sub ask {
    my ($name, $grant, $method, $url, $body) = @_;
    my ($path, $query) = $url =~ /^([^?]*)\??(.*)$/s;
    my $runner = $runner{$name};
    print { $runner->{in} } join("\t", $grant, $method, $path, $query =~ s/ /%20/gr, $body // ''), "\n";
    $runner->{in}->flush;
    my ($status, $len) = split /\t/, readline($runner->{out}) // die "grant_run ended at $method $url\n";
    my $text;
    read $runner->{out}, $text, $len;
    readline $runner->{out};
    return [ $status, $text ];
}

# An answer without what differs from run to run: times, sealed words.
sub essence {
    my ($answer) = @_;
    my $text = $answer->[1] =~ s/"lastUpdated":"[^"]*"//gr =~ s/_cursor=[\w-]+/_cursor=/gr
        =~ s/"lastModified":"[^"]*"//gr;
    # in DSTU2 a time that is required may be that of the last change, and what has no address gets one
    $text =~ s/"(?:dateAsserted|issued|indexed)":"20[^"]*"|urn:uuid:[\w-]+//g;
    # no order is promised of what is included, nor of what was written at the same time
    my $bundle = $text =~ /"type":"(?:history|searchset)"/ ? eval { $json->decode($answer->[1]) } : undef;
    if ($bundle and $bundle->{type} =~ /^(?:history|searchset)$/ and $bundle->{entry}) {
        my @keys = map { join ' ', ($_->{fullUrl} // '') =~ s/^urn:.*//r, $bundle->{type} eq 'history' ? ''
            : $_->{search}{mode} } @{ $bundle->{entry} };
        my @matches = grep { / match$/ } @keys;
        return "$answer->[0] @matches | @{[ sort grep { !/ match$/ } @keys ]} "
            . $json->encode({ map { $_ => $bundle->{$_} } qw(link total) }) =~ s/_cursor=[\w-]+/_cursor=/gr;
    }
    return "$answer->[0] $text";
}

sub entries {
    my ($answer) = @_;
    my $bundle = eval { $json->decode($answer->[1]) } || {};
    return map { $_->{resource}{resourceType} . '/' . $_->{resource}{id} } grep { $_->{resource}{id}
        and ($_->{fullUrl} // '') !~ /#/ } @{ $bundle->{entry} || [] };
}

# ---- requests ----

my @TYPES = sort keys %{ { map { $_->{resourceType} => 1 } @all } };
my @requests = (
    # each type, in full
    (map { [ GET => "$_?_total=accurate" ], [ GET => "$_?_summary=count" ],
        [ GET => "$_?_count=1&_total=accurate" ] } @TYPES),
    (map { [ GET => "$_?_include=*&_revinclude=*&_include:iterate=*" ] }
        qw(Patient Observation Practitioner Encounter Organization Condition)),
    # each resource
    (map { my $path = "$_->{resourceType}/$_->{id}"; [ GET => $path ], [ GET => "$path/_history" ],
        [ GET => "$path/_history/1" ],
        [ GET => "$_->{resourceType}?_id=$_->{id}" ], [ DELETE => $path ], [ PUT => $path, $_ ] }
        grep { !$is_form{ $_->{id} } } @all),
    (map { [ GET => "$_->{resourceType}/$_->{id}" ] } grep { $is_form{ $_->{id} } } @all),
    (map { [ GET => "$_/\$everything" ], [ GET => "$_/*" ], [ GET => "$_/Observation" ] }
        qw(Patient/a-pat Patient/b-pat Patient/none Encounter/a-enc Encounter/b-enc Encounter/none
            Practitioner/doc Practitioner/docb RelatedPerson/b-rel Device/b-dev)),
    map { [ GET => $_ ] } (
        # conditions on others
        'Patient?family=Familyb', 'Patient?name:contains=amily', 'Patient?identifier=urn:mrn|mrn-b',
        'Patient?gender=female', 'Patient?birthdate=1920',
        'Patient?gender:not=female', 'Patient?link:missing=false', 'Patient?_sort=family',
        'Patient?_sort=-birthdate&_count=1', '?_type=Patient,Observation,Group', '?_summary=count', '?_count=500',
        'Patient?link=Patient/b-pat', 'Patient?link:Patient.family=Familyb', 'Patient?link.family=Familyb',
        'Patient?link:Patient.identifier=urn:mrn|mrn-b',
        'Patient?link:Patient.birthdate=gt1900', 'Patient?link:Patient._id=b-pat',
        'Patient?link:Patient._has:Observation:patient:code=1-8',
        'Observation?patient=b-pat', 'Observation?subject=Patient/b-pat', 'Observation?patient=a-pat,b-pat',
        'Observation?performer=Patient/b-pat',
        'Observation?performer:Patient.family=Familyb', 'Observation?performer.family=Familyb',
        'Observation?performer.name=Familyb', 'Observation?subject:Patient.gender=female',
        'Observation?encounter.subject:Patient.family=Familyb',
        'Observation?encounter:Encounter.patient.link:Patient.family=Familyb',
        'Observation?code=2-8', 'Observation?code:not=1-8', 'Observation?value-quantity=gt20', 'Observation?date=2012',
        'Observation?_sort=-date&_count=2',
        'Observation?_sort=value-quantity', 'Observation?_sort=-value-quantity&_count=1', 'Observation?_sort=code,-_id',
        'Observation?_lastUpdated=gt2000',
        'Observation?category=vital-signs', 'Observation?code-value-quantity=2-8$gt1', 'Observation?_content=2-8',
        'Observation?subject:missing=true',
        'Condition?asserter=Patient/b-pat', 'Condition?asserter:Patient.name=Familyb', 'Condition?code=urn:c|cond-b',
        'Condition?encounter.patient=b-pat',
        'Condition?encounter:missing=false', 'Communication?recipient:Patient.family=Familyb',
        'Communication?recipient.birthdate=gt1900',
        # reverse chains: does another's record speak of what may be seen?
        'Practitioner?_has:Observation:performer:code=2-8', 'Practitioner?_has:Observation:performer:patient=b-pat',
        'Practitioner?_has:Observation:performer:code=1-8',
        'Practitioner?_has:Observation:performer:patient.family=Familyb',
        'Practitioner?_has:Patient:general-practitioner:family=Familyb',
        'Practitioner?_has:Encounter:practitioner:_id=b-enc',
        'Practitioner?_has:Encounter:practitioner:_has:Observation:encounter:code=2-8',
        'Organization?_has:Encounter:service-provider:_has:Condition:encounter:code=cond-b',
        'Organization?_has:Coverage:payor:beneficiary=b-pat',
        'Medication?_has:MedicationRequest:medication:patient=b-pat',
        'Medication?_has:MedicationRequest:medication:status=active', 'Patient?_has:Patient:link:family=Familyb',
        'Patient?_has:Group:member:_id=z-group', 'Patient?_has:Observation:performer:code=1-8',
        'Patient?_has:Condition:asserter:code=cond-b', 'Patient?_has:Communication:recipient:_id=b-comm',
        'Observation?_has:Provenance:target:_id=z-prov', 'Observation?_has:Provenance:target:agent=Practitioner/doc',
        'Observation?_has:List:item:_id=b-list', 'Practitioner?_has:Provenance:agent:target=Observation/b-obs1',
        # lists, filters
        'Observation?_list=a-list', 'Observation?_list=b-list', 'Patient?_list=b-list', 'List?item=Observation/b-obs1',
        'List?item:Observation.code=2-8',
        'List?item:Observation.patient=b-pat', 'Patient?_filter=link.family eq Familyb',
        'Patient?_filter=not (family eq Familya)',
        'Observation?_filter=subject:Patient.family eq Familyb or code eq 2-8',
        'Observation?_filter=performer:Patient.family sw fam', 'Practitioner?_filter=family pr true',
        # contained resources are seen with what holds them
        (map { my $c = $_; map {; "$_&_contained=$c",
            "$_&_contained=$c&_containedType=contained" } 'Medication?code:not=x', 'Medication?code=in-b',
            'Medication?_summary=count',
            'Medication?_count=1&_total=accurate', 'Condition?patient=b-pat', 'Condition?patient=a-pat',
            'Condition?code:not=x', '?_type=Medication,Condition,Practitioner' } qw(true both)),
        'Medication?_contained=true&_sort=code', 'Medication?_contained=true&_include=MedicationStatement:patient',
        # expected numbers
        'Observation?_total=estimate&_count=1', 'Observation?code=2-8&_total=estimate',
        'Practitioner?_total=estimate&_count=1', 'Patient?_total=estimate&_count=1',
        'Medication?_total=estimate&_count=1',
        # includes
        'Observation?_include=Observation:performer',
        'Observation?_include=Observation:performer:Patient&_include:iterate=Patient:link',
        'Patient?_include=Patient:link',
        'Patient?_revinclude=Patient:link', 'Patient?_revinclude=Observation:performer',
        'Patient?_revinclude=Communication:recipient', 'Patient?_revinclude=Group:member',
        'Practitioner?_revinclude=Observation:performer',
        'Practitioner?_id=doc&_revinclude=Observation:performer&_revinclude:iterate=Provenance:target',
        'Medication?_revinclude=MedicationRequest:medication',
        'Organization?_revinclude=Encounter:service-provider&_include:iterate=Encounter:subject',
        'Observation?_revinclude=Provenance:target', 'List?_include=List:item', 'Condition?_include=Condition:asserter',
        'Medication?_revinclude=Provenance:target', 'Practitioner?_revinclude=Patient:general-practitioner',
        'Encounter?_revinclude=*',
        # operations, history
        'Observation/$lastn?patient=b-pat', 'Observation/$lastn?patient=a-pat&max=2',
        'Observation/$lastn?patient=a-pat,b-pat', 'Observation/$lastn?subject:Patient.family=Familyb&patient=b-pat',
        'DocumentReference/$docref?patient=b-pat', 'DocumentReference/$docref?patient=a-pat', 'Patient/$everything',
        'Patient/a-pat/$everything?_type=Group,Appointment,Provenance,Observation',
        '_history', 'Observation/_history', 'Group/_history', 'Binary/_history', 'Patient/_history?_count=1',
        'Patient/a-pat/Observation?performer:Patient.family=Familyb',
        'Patient/b-pat/Observation?_summary=count', 'Encounter/b-enc/Condition',
        'Practitioner/doc/Observation?_total=accurate', 'Device/b-dev/Provenance',
        # contained resources
        (map { ("Practitioner?family=Contained&_contained=$_&_total=accurate",
            "Practitioner?_contained=$_&_containedType=contained&_summary=count") } qw(true both)),
        'DocumentReference?author:Practitioner.family=Containedb',
        'Practitioner?_contained=both&_has:DocumentReference:author:patient=b-pat',
        # plans tell how many rows were looked at
        'Observation?_explain=true', 'Observation?code=2-8&_total=estimate', 'Patient?_total=estimate&_summary=count',
        # a token for a type may not list others
        'RelatedPerson?patient=b-pat', 'Coverage?beneficiary=Patient/b-pat', 'Account?subject=Patient/b-pat',
        'Appointment?actor=Patient/b-pat', 'Group?member=Patient/b-pat', 'Person?patient=b-pat',
        'Provenance?target=Observation/b-obs1', 'Linkage?item=Patient/b-pat',
    ),
);
# What is written cannot show whether what it names is there; nor can a condition.
for my $p (qw(b none)) {
    push @requests,
        [ POST => 'Observation', { resourceType => 'Observation', status => 'final', code => { text => 'x' },
            subject => ref_to("Patient/$p-pat") } ],
        [ POST => 'Condition', { resourceType => 'Condition', subject => ref_to("Patient/$p-pat"),
            encounter => ref_to("Encounter/$p-enc") } ],
        [ POST => 'Condition', { resourceType => 'Condition', subject => ref_to('Patient/a-pat'),
            encounter => ref_to("Encounter/$p-enc") } ],
        [ PUT => "Observation?_id=$p-obs1", { resourceType => 'Observation', status => 'final', code => { text => 'x' },
            subject => ref_to("Patient/$p-pat") } ],
        [ PUT => "Condition/$p-cond", { resourceType => 'Condition', id => "$p-cond",
            subject => ref_to('Patient/a-pat') } ],
        [ DELETE => "Observation?_id=$p-obs1" ], [ POST => 'Observation/$validate', { resourceType => 'Parameters',
            parameter => [ { name => 'mode', valueCode => 'delete' } ] } ],
        [ POST => "Observation/$p-obs1/\$validate", { resourceType => 'Parameters',
            parameter => [ { name => 'mode', valueCode => 'delete' } ] } ];
}

# Nor do the entries of a batch or transaction, their conditions and conditional references.
sub bundle { my ($type, @entries) = @_; return { resourceType => 'Bundle', type => $type, entry => \@entries } }
sub asked { my ($method, $url, %more) = @_; return { request => { method => $method, url => $url,
        %{ $more{request} || {} } }, $more{resource} ? (resource => $more{resource}) : () } }
for my $p (qw(b none)) {
    my $condition = { resourceType => 'Condition', subject => ref_to("Patient?identifier=urn:mrn|mrn-$p") };
    push @requests, map { [ POST => '', $_ ] } bundle(batch => map { asked(GET => $_) } "Patient/$p-pat",
        "Observation?patient=$p-pat", "Patient/$p-pat/_history",
            "Practitioner?_has:Observation:performer:patient=$p-pat", "Patient/$p-pat/\$everything",
            'Patient?_total=accurate'),
        bundle(batch => asked(DELETE => "Observation/$p-obs1"), asked(PUT => "Observation?_id=$p-obs1",
            resource => { resourceType => 'Observation', status => 'final',
                    code => { text => 'x' }, subject => ref_to("Patient/$p-pat") }), asked(POST => 'Condition',
                    resource => { resourceType => 'Condition', subject => ref_to("Patient/$p-pat") })),
        bundle(transaction => asked(POST => 'Condition', resource => $condition)),
        bundle(transaction => asked(GET => "Patient/$p-pat")),
        bundle(transaction => asked(GET => "Observation?patient=$p-pat"),
            asked(GET => "Patient?identifier=urn:mrn|mrn-$p")),
        bundle(transaction => asked(POST => 'Patient', resource => { resourceType => 'Patient' },
            request => { ifNoneExist => "identifier=urn:mrn|mrn-$p" })),
        bundle(transaction => asked(PUT => "Condition/$p-cond", resource => { resourceType => 'Condition',
            id => "$p-cond", subject => ref_to('Patient/a-pat') }, request => { ifMatch => 'W/"1"' })),
        bundle(transaction => asked(DELETE => "Condition?encounter=$p-enc"),
            asked(POST => 'Condition', resource => $condition));
}

# The same rows by the way of DSTU2: its names of types and parameters, and what only it has.
my %DSTU2 = (MedicationRequest => 'MedicationOrder', CareTeam => 'CarePlan', map { $_ => $_ } qw(Appointment Binary
    CarePlan Condition Coverage Device DocumentReference Encounter List Medication MedicationStatement Observation
    Organization Patient Practitioner Provenance RelatedPerson));
my %prefix = (CareTeam => 'ct-');
my @spoken = (
    (map { [ GET => $_ ], [ GET => "$_?_summary=count" ], [ GET => "$_?_count=1" ], [ GET => "$_/_history" ] }
        sort keys %{ { map { $_ => 1 } values %DSTU2 } }),
    (map { my $path = "$DSTU2{ $_->{resourceType} }/" . ($prefix{ $_->{resourceType} } // '') . $_->{id};
        [ GET => $path ], [ GET => "$path/_history" ], [ GET => "$path/_history/1" ], [ DELETE => $path ],
        [ PUT => $path, { resourceType => $path =~ s{/.*}{}r, id => $_->{id} } ] }
        grep { $DSTU2{ $_->{resourceType} } && !$is_form{ $_->{id} } } @all),
    map { [ GET => $_ ] } (
        'Patient?family=Familyb', 'Patient?careprovider=Practitioner/docb', 'Patient?careprovider.family=Doctorb',
        'Patient?link.family=Familyb', 'Patient?identifier=urn:mrn|mrn-b', 'Patient?_sort:desc=birthdate',
        'Patient/a-pat/$everything', 'Patient/b-pat/$everything', 'DocumentReference/$docref?patient=b-pat',
        'Observation?patient=b-pat', 'Observation?performer.family=Familyb', 'Observation?code=2-8',
        'Observation?subject:Patient.gender=female', 'Observation?related-target=Observation/b-obs1',
        'Observation?encounter.patient=b-pat', 'Observation?code:not=1-8', 'Observation?_revinclude=Provenance:target',
        'Observation?_include=Observation:performer', 'Condition?asserter=Patient/b-pat',
        'Condition?asserter.family=Familyb', 'Condition?clinicalstatus:not=resolved', 'Condition?code=cond-b',
        'CarePlan?category=careteam', 'CarePlan?category=careteam&patient=b-pat', 'CarePlan?_id=ct-b-team',
        'MedicationOrder?patient=b-pat', 'MedicationOrder?_include=MedicationOrder:medication',
        'MedicationStatement?patient=b-pat', 'MedicationStatement?_id=mr-b-med', 'MedicationStatement/mr-b-med',
        'MedicationStatement/mr-a-med', 'Medication?_revinclude=MedicationOrder:medication',
        'Practitioner?specialty=x', 'Practitioner?organization.name=Org',
        'Practitioner?_revinclude=Observation:performer',
        'Practitioner?family=Doctorb', 'Encounter?indication.code=cond-b', 'Encounter?patient.family=Familyb',
        'Provenance?target=Observation/b-obs1', 'Coverage?patient=b-pat', 'List?item:Observation.code=2-8',
        'Patient/b-pat/Condition',
        # a plan of a medication is not shown, so references to it have no link, but for those that are hidden
        'List/a-list', 'List?patient=a-pat', 'List/a-list/_history', 'MedicationOrder/b-plan', 'MedicationOrder/a-plan',
        'List?item:MedicationOrder.status=active', 'List?item=MedicationOrder/b-plan'),
);
for my $p (qw(b none)) {
    my $condition = { resourceType => 'Condition', code => { text => 'x' }, verificationStatus => 'confirmed',
        patient => ref_to("Patient/$p-pat") };
    push @spoken, [ POST => 'Condition', $condition ], [ DELETE => "Observation?code=2-8&patient=$p-pat" ],
        [ POST => 'Condition', { %$condition, patient => ref_to('Patient/a-pat'),
            encounter => ref_to("Encounter/$p-enc") } ],
        [ PUT => "Condition?patient=$p-pat", $condition ],
        [ PUT => "Condition/$p-cond", { %$condition, id => "$p-cond", patient => ref_to('Patient/a-pat') } ],
        [ POST => '', bundle(batch => asked(GET => "Patient/$p-pat"), asked(GET => "Observation?patient=$p-pat"),
            asked(POST => 'Condition', resource => $condition), asked(GET => "MedicationStatement/mr-$p-med")) ];
}
push @requests, map { [ $_->[0], "dstu2:$_->[1]", $_->[2] ] } @spoken;

# Everything that a grant shows, by rules of the test's own.
my %shut = map { ("$_->{resourceType}/$_->{id}" => 1) } @shut;
my %open = map { $_ => 1 } qw(Practitioner Organization Medication ValueSet Questionnaire);
sub whose { my ($r) = @_; return $shut{"$r->{resourceType}/$r->{id}"} ? 'z' : $open{ $r->{resourceType} } ? ''
    : substr $r->{id}, 0, 1 }
my $lab = sub { my ($r) = @_; $r->{resourceType} eq 'Observation'
    and $json->encode($r->{category} || []) =~ /laboratory/ };
my @grants = (
    [ 'a patient, every type', 'a-pat patient/*.cruds', sub { whose($_[0]) =~ /^a?$/ } ],
    [ 'a patient, some types', 'a-pat patient/Patient.rs patient/Observation.rs patient/Practitioner.rs',
        sub { whose($_[0]) =~ /^a?$/ and $_[0]{resourceType} =~ /^(?:Patient|Observation|Practitioner)$/ } ],
    [ 'a patient, one category', "a-pat patient/Patient.rs patient/Condition.rs patient/Observation.rs?"
        . "category=$CATEGORY|laboratory user/Practitioner.rs",
        sub { my ($r) = @_; $r->{resourceType} eq 'Practitioner' or whose($r) =~ /^a?$/
            and ($r->{resourceType} =~ /^(?:Patient|Condition)$/ or $lab->($r)) } ],
    [ 'a user, one category of two types', "- user/Patient.rs?gender=male user/Observation.rs?"
        . "category=$CATEGORY|laboratory user/Encounter.rs user/Practitioner.rs",
        sub { my ($r) = @_; $r->{resourceType} =~ /^(?:Encounter|Practitioner)$/ or $r->{id} eq 'a-pat'
            or $lab->($r) } ],
    [ 'a patient without one', '- patient/*.rs', sub { 0 } ],
);

side('full', @all);
my $number = 0;
for (@grants) {
    my ($name, $grant, $visible) = @$_;
    my @shown = grep { $visible->($_) } @all;
    my $rest = 'part' . ++$number;
    side($rest, @shown);
    my (@differ, %seen);
    for my $request (@requests) {
        my ($method, $url, $body) = @$request;
        # what is there may be changed; here only what is not
        next if $method ne 'GET' and grep { my $path = "$_->{resourceType}/$_->{id}";
            $url eq $path or $url eq 'dstu2:' . $path =~ s/^MedicationRequest/MedicationOrder/r } @shown;
        my ($full, $part) = map { ask($_, $grant, $method, $url, $body ? $json->encode($body) : undef) } 'full', $rest;
        push @differ, "$method $url\n  all:  " . substr(essence($full), 0, 400) . "\n  part: " . substr(essence($part),
            0, 400) if essence($full) ne essence($part);
        push @differ, "$method $url fails: $full->[1]" if $full->[0] >= 500 or $method eq 'GET' and $full->[0] == 400
            and $url ne 'Patient/$everything';
        $seen{$_} = 1 for $full->[0] == 200 && $url !~ /^dstu2:/ ? entries($full) : ();
    }
    @differ = sort { ($b =~ /^GET/) <=> ($a =~ /^GET/) } @differ;
    splice @differ, 8, @differ, '…' if @differ > 15;
    is(join("\n", @differ), '', "$name: answers as if the rest did not exist");
    is_deeply([ sort keys %seen ], [ sort map { "$_->{resourceType}/$_->{id}" } @shown ],
        "$name: and shows all that the grant is for");
}

# ---- a device that is nobody's ----

for ([ 'nobody\'s', {}, 200 ], [ 'somebody\'s', { patient => { display => 'Familyb' } }, 404 ]) {
    my ($whose, $patient, $status) = @$_;
    my ($device) = ask('full', 'none all', 'POST', 'Device', $json->encode({ resourceType => 'Device',
        %$patient }))->[1] =~ /"id":"([^"]+)/;
    my ($provenance) = ask('full', 'none all', 'POST', 'Provenance', $json->encode({ resourceType => 'Provenance',
        recorded => '2020-01-01T00:00:00Z',
                target => [ ref_to('Observation/a-obs1') ],
                    agent => [ { who => ref_to("Device/$device") } ] }))->[1] =~ /"id":"([^"]+)/;
    is(ask('full', 'a-pat patient/*.rs', 'GET', "Provenance/$provenance")->[0], $status,
        "a provenance by a device that is $whose");
    is(ask('full', 'a-pat patient/*.rs', 'GET', "Device/$device")->[0], 404, '  and the device itself');
}

# ---- who is a member ----

for my $condition ('member:identifier=urn:mrn|mrn-b', 'member=Patient/b-pat',
    'member:Patient.identifier=urn:mrn|mrn-b', 'managing-entity:identifier=urn:mrn|mrn-b') {
    my $found = ask('full', 'a-pat patient/*.rs', 'GET', "Group?$condition");
    is(join(' ', $found->[0], entries($found)), '200', "Group?$condition finds nothing") or diag($found->[1]);
}

# ---- versions ----

my $all = 'none all';
my $moved = (grep { $_->{id} eq 'b-obs2' } @all)[0];
my $a = 'a-pat patient/*.rs';
ask('full', $all, 'PUT', 'Observation/b-obs2', $json->encode({ %$moved, subject => ref_to('Patient/a-pat'),
        performer => [ ref_to('Patient/a-pat') ] }));
is(ask('full', $a, 'GET', 'Observation/b-obs2')->[0], 200, 'a record that became this patient\'s');
is(ask('full', $a, 'GET', 'Observation/b-obs2/_history/1')->[0], 404, 'its version that was another\'s');
is(join(' ', entries(ask('full', $a, 'GET', 'Observation/b-obs2/_history'))), 'Observation/b-obs2',
    'and not in its history');
my $mine = (grep { $_->{id} eq 'a-obs2' } @all)[0];
ask('full', $all, 'PUT', 'Observation/a-obs2', $json->encode({ %$mine, status => 'amended' }));
is(ask('full', $a, 'GET', 'Observation/a-obs2/_history/1')->[0], 200, 'an earlier version of one\'s own');
is(scalar entries(ask('full', $a, 'GET', 'Observation/a-obs2/_history')), 2, 'is in the history');
my $named = (grep { $_->{id} eq 'b-obs5' } @all)[0];
ask('full', $all, 'PUT', 'Observation/b-obs5', $json->encode({ %$named, subject => ref_to('Patient/a-pat') }));
is(ask('full', $a, 'GET', 'Observation/b-obs5/_history/1')->[0], 404,
    'another\'s version that names this patient beside');
my $vital = (grep { $_->{id} eq 'a-obs4' } @all)[0];
ask('full', $all, 'PUT', 'Observation/a-obs4',
    $json->encode({ %$vital, category => [ concept($CATEGORY, 'laboratory') ] }));
my $category = "a-pat patient/Observation.rs?category=$CATEGORY|laboratory";
is(ask('full', $category, 'GET', 'Observation/a-obs4')->[0], 200, 'what came into the category');
is(ask('full', $category, 'GET', 'Observation/a-obs4/_history/1')->[0], 404, 'was not in it before');
my $dose = { resourceType => 'Medication', id => 'z-med-in', code => concept('urn:m', '3') };
ask('full', $all, 'PUT', 'Medication/z-med-in', $json->encode($dose));
is(ask('full', $a, 'GET', 'Medication/z-med-in')->[0], 200, 'a medication that speaks of nobody any more');
is(ask('full', $a, 'GET', 'Medication/z-med-in/_history/1')->[0], 404, '  its version that did');
ask('full', $all, 'PUT', 'Group/z-group-member-literal',
    $json->encode({ resourceType => 'Group', id => 'z-group-member-literal', type => 'person',
        actual => JSON::PP::true, member => [ { entity => $own } ] }));
is(ask('full', $a, 'GET', 'Group/z-group-member-literal')->[0], 200, 'a group that has one member now');
is(ask('full', $a, 'GET', 'Group/z-group-member-literal/_history/1')->[0], 404, '  its version that had another');
is(join(' ', entries(ask('full', $a, 'GET', 'Group/z-group-member-literal/_history'))), 'Group/z-group-member-literal',
    '  and not in its history');
ask('full', $all, 'DELETE', $_) for 'Condition/b-cond', 'Condition/a-cond';
is(ask('full', $all, 'GET', 'Condition/b-cond')->[0], 410, 'who sees all is told what is gone');
is(ask('full', $a, 'GET', "Condition/$_-cond")->[0], 404, 'others are not') for qw(a b none);
is(ask('full', $a, 'GET', "Condition/b-cond/_history")->[0], 404, 'nor by its history');

# ---- conditions of scopes that are looked up ----

for (
    [ 'a chain', 'user/Observation.rs?patient.gender=male user/Patient.rs?gender=male', 'Observation/a-obs1', 200 ],
    [ 'a chain to what is not shown', 'user/Observation.rs?patient.gender=male user/Patient.rs?gender=female',
        'Observation/a-obs1', 404 ],
    [ 'two scopes that depend on each other',
        'user/Observation.rs?patient.gender=male user/Patient.rs?_has:Observation:patient:status=final',
        'Observation/a-obs1', 400, qr/scopes for Observation depend on themselves/ ],
    [ 'a scope of ValueSet by a stored one', 'user/ValueSet.rs?context:in=http://nowhere.example', 'ValueSet/any', 400,
        qr/scopes for ValueSet depend on themselves/ ],
    [ 'a value set that is not known', 'user/Observation.rs?code:in=http://nowhere.example',
        'Observation/a-obs1', 404 ],
    [ 'a carried one', 'user/Observation.rs?status:in=http://hl7.org/fhir/ValueSet/observation-status',
        'Observation/a-obs1', 200 ],
    )
{
    my ($name, $scopes, $url, $status, $says) = @$_;
    my $answer = ask('full', "- $scopes", 'GET', $url);
    is($answer->[0], $status, "$name: $url") or diag($answer->[1]);
    like($answer->[1], $says, '  and why') if $says;
}

# ---- rights ----

my $split = 'a-pat patient/Observation.s patient/Patient.r patient/Encounter.r';
for (
    [ 'Observation?_id=a-obs1', 200, 'Observation/a-obs1' ], [ 'Observation/a-obs1', 403 ],
    [ 'Observation/a-obs1/_history', 403 ],
    [ 'Observation/_history', 403 ], [ 'Patient/a-pat', 200 ], [ 'Patient?_id=a-pat', 403 ],
    [ 'Practitioner?_id=doc', 403 ], [ 'Practitioner/doc', 403 ],
    [ 'Observation?_id=a-obs1&_include=*', 200, 'Observation/a-obs1 Patient/a-pat Encounter/a-enc' ],
    # who may not search a type learns nothing from conditions on it
    [ 'Observation?_id=a-obs1&subject:Patient.family=Familya', 200, '' ],
    [ 'Observation?_id=a-obs1&encounter.status=finished', 200, '' ],
    [ 'Observation?_id=a-obs1&_revinclude=Provenance:target', 200, 'Observation/a-obs1' ],
    [ 'Encounter/a-enc/Observation?_id=a-obs1', 200, 'Observation/a-obs1' ],
    [ 'Encounter/a-enc/Condition', 403 ], [ '?_type=Observation,Patient&_id=a-obs1,a-pat', 200, 'Observation/a-obs1' ],
    )
{
    my ($url, $status, $found) = @$_;
    my $answer = ask('full', $split, 'GET', $url);
    is($answer->[0], $status, "search or read alone: $url") or diag($answer->[1]);
    is(join(' ', sort split / /, join ' ', entries($answer)), join(' ', sort split / /, $found), '  what is found')
        if defined $found;
}

# ---- page links ----

my $page = $json->decode(ask('full', 'a-pat patient/*.rs', 'GET', 'Observation?_count=2')->[1]);
my ($next) = map { $_->{url} =~ s{^http://localhost/fhir/}{}r } grep { $_->{relation} eq 'next' } @{ $page->{link} };
is(ask('full', 'a-pat patient/*.rs', 'GET', $next)->[0], 200, 'a page link');
for my $other ('b-pat patient/*.rs', 'a-pat patient/Observation.rs', 'a-pat user/*.rs', '- all') {
    like(join(' ', @{ ask('full', $other, 'GET', $next) }), qr/^400 .*page link/,
        "  is refused to another grant: $other");
}

# ---- a database from before there was the column mentions ----

my $database = $databases[0];
my $known = join "\nUNION ALL ", map { "SELECT '$_', id, version, mentions FROM \"$_\"" } map { (lc, lc()
    . '_history') }
    qw(Group Medication Provenance Binary Account Appointment Practitioner Device Observation);
my $before = $cluster->psql($database, "SET search_path = main, public; $known ORDER BY 1, 2, 3");
$cluster->psql($database, "SET search_path = main, public; DELETE FROM fhir_migration WHERE name = '005-mentions'; " .
        q(DO $$ DECLARE t text; BEGIN
            FOR t IN SELECT relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                WHERE relnamespace = 'main'::regnamespace AND relkind = 'r' AND attname = 'mentions'
            LOOP EXECUTE format('ALTER TABLE %I DROP COLUMN mentions', t); END LOOP; END $$));
my $upgrade = run({ env => $cluster->env($database) }, built('fhirctl'), 'init');
like($upgrade->{out}, qr/^005-mentions: done/m, 'an older database is brought up to date') or diag($upgrade->{err});
is($cluster->psql($database, "SET search_path = main, public; $known ORDER BY 1, 2, 3"), $before,
    '  what was stored before is looked at');
is(ask('full', $a, 'GET', 'Group/a-group')->[0], 200, '  and shown');
is(ask('full', $a, 'GET', 'Group/z-group')->[0], 404, '  or not');

for (values %runner) {
    close $_->{in};
    waitpid $_->{pid}, 0;
    is($?, 0, 'grant_run ends well');
}
$cluster->drop_database($_) for $cluster->{shared} ? @databases : ();
done_testing;
