# SPDX-License-Identifier: Apache-2.0
# An integration test's world: a database with the schema, an httpd with the module in front of it,
# a client, fhirctl, psql. Perl core modules only. docs/building.md has the skeleton of a test.
#
#     use FHIR::Test;
#     my $t = FHIR::Test->new;
#     $t->load({ resourceType => 'Patient', id => 'p1' });
#     is $t->get('/dev/r4/Patient/p1')->status, 200, 'a patient that is there';
#     is_outcome $t->get('/dev/r4/Patient/none'), 404, 'not-found', qr/Patient\/none/, 'none';
#     $t->done;
#
# Environment: FHIR_BUILD (build folder), FHIR_TEST_PG (a cluster that runs, DIR:PORT),
# FHIR_TEST_VALGRIND=1, FHIR_TEST_MPM=worker, FHIR_TEST_KEEP=1 (leaves the temporary folder).
package FHIR::Test;

use strict;
use warnings;
use Exporter 'import';
use FHIR::Test::Httpd;
use FHIR::Test::Postgres;
use FHIR::Test::System qw(build_dir built run source_dir wait_for work_dir write_file);
use JSON::PP ();
use Test::More;

our @EXPORT = qw(entry is_outcome wait_for source_dir build_dir work_dir);

my ($running, $owner);

# Options: those of FHIR::Test::Httpd->new, and: own_cluster => 1 (a cluster that the test may stop),
# plain_database => 1 (no schema), no_database => 1, start => 0 (httpd is started by the test).
sub new {
    my ($class, %options) = @_;
    my $self = bless { httpds => [], files => 0 }, $class;
    if (!$options{no_database}) {
        $self->{cluster} = $options{own_cluster} ? FHIR::Test::Postgres::start_cluster()
            : FHIR::Test::Postgres::cluster();
        $self->{database} = $self->{cluster}->create_database(plain => $options{plain_database});
    }
    ($running, $owner) = ($self, $$);
    $self->{httpd} = $self->second(%options);
    return $self;
}

# One more httpd on the same database: a FHIR::Test::Httpd with the same client methods.
sub second {
    my ($self, %options) = @_;
    my $conninfo = $self->{cluster} && $self->{cluster}->conninfo($self->{database});
    my $httpd = FHIR::Test::Httpd->new(conninfo => $conninfo, %options);
    push @{ $self->{httpds} }, $httpd;
    $httpd->start unless defined $options{start} && !$options{start};
    return $httpd;
}

# The first httpd's methods are the test's.
for my $name (qw(get head delete options post put patch request url start stop restart graceful
    children expect_log allow_log log_text check_config)) {
    no strict 'refs';
    *$name = sub { my $self = shift; return $self->{httpd}->$name(@_) };
}

sub httpd { return shift->{httpd} }
sub cluster { return shift->{cluster} }
sub database { return shift->{database} }

# Rows as lines, columns divided by |.
sub psql {
    my ($self, $sql) = @_;
    return $self->{cluster}->psql($self->{database}, $sql);
}

# Runs fhirctl on the test's database: { status, out, err }. A reference first: { stdin => … }.
sub fhirctl {
    my ($self, @arguments) = @_;
    my $options = ref $arguments[0] ? shift @arguments : {};
    my $env = $self->{cluster} ? $self->{cluster}->env($self->{database}) : {};
    return run({ %$options, env => { %$env, %{ $options->{env} || {} } } }, built('fhirctl'), @arguments);
}

# Loads resources (references become NDJSON) or the files and folders named; dies on any reject.
sub load {
    my ($self, @what) = @_;
    my $json = JSON::PP->new->utf8->canonical;
    my $ndjson = join '', map { $json->encode($_) . "\n" } grep { ref } @what;
    my @paths = grep { !ref } @what;
    push @paths, write_file(work_dir() . '/load' . ++$self->{files} . '.ndjson', $ndjson)
        if length $ndjson;
    my $done = $self->fhirctl('load', @paths);
    die "fhirctl load: exit $done->{status}\n$done->{out}$done->{err}" if $done->{status};
    return $done;
}

# An entry of a batch or transaction; more: fullUrl, and members of its request.
sub entry {
    my ($method, $url, $resource, %more) = @_;
    my $full = delete $more{fullUrl};
    return { request => { method => $method, url => $url, %more },
        ($resource ? (resource => $resource) : ()), ($full ? (fullUrl => $full) : ()) };
}

# Status, and an OperationOutcome of which one issue has the code and a text like the pattern.
sub is_outcome {
    my ($response, $status, $code, $text, $name) = @_;
    my $outcome = eval { $response->json } || {};
    my @found = grep {
        my $issue = $_;
        ($issue->{code} // '') eq $code and join(' ', $issue->{diagnostics} // '',
            $issue->{details}{text} // '') =~ $text
    } @{ $outcome->{issue} || [] };
    my $good = $response->status == $status
        && ($outcome->{resourceType} // '') eq 'OperationOutcome' && @found;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok($good, $name) or diag(sprintf "wanted %s %s %s\ngot %s %s", $status, $code, $text,
        $response->status, $response->body);
    return $good;
}

# The end of each test: stops httpd, reads its log, drops the database, done_testing.
sub done {
    my ($self) = @_;
    for my $httpd (@{ $self->{httpds} }) {
        my $well = $httpd->stop;
        my @faults = ($well ? () : 'httpd had to be killed', $httpd->log_faults);
        splice @faults, 20, @faults, '…' if @faults > 20;
        is(join("\n", @faults), '', 'error_log holds nothing that was not announced');
    }
    undef $running;
    $self->{cluster}->drop_database($self->{database}) if $self->{cluster} and $self->{cluster}{shared};
    done_testing();
    return;
}

sub last_lines {
    my ($text, $most) = @_;
    my @lines = map { "# $_" } split /^/, $text;
    return @lines > $most ? @lines[-$most .. -1] : @lines;
}

# A test that ends without done is not passed; its servers are stopped by System's guard.
END {
    if ($running and $$ == $owner) {
        my $status = $?;
        if ($running->{cluster} and $running->{cluster}{shared}) {
            eval { $_->stop for @{ $running->{httpds} };
                $running->{cluster}->drop_database($running->{database}) };
        }
        print STDERR "# the test did not call done; error_log:\n",
            map { last_lines($_->log_text, 20) } @{ $running->{httpds} };
        $? = $status || 1;
    }
}

1;
