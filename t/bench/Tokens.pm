# SPDX-License-Identifier: Apache-2.0
# What authorization costs: a read and a search page with a token beside the same on an endpoint that needs
# none, a token that no cache has, and how many authorizations and tokens there are a second.
package Tokens;

use strict;
use warnings;
use Bench;
use FHIR::Test::Browser;
use FHIR::Test::System qw(built run_ok work_dir write_file);

my $REDIRECT = 'http://127.0.0.1:9/callback';
my $PASSWORD = 'correct horse battery';

sub ctl { return run_ok({ env => env() }, built('fhirctl'), @_) }

# Tokens by SQL: names token1 … tokenN of a user's authorization, for a patient or none.
sub make {
    my ($name, $count, $scopes, $patient) = @_;
    my $id = defined $patient ? "'$patient'" : 'NULL';
    sql(qq{WITH a AS (INSERT INTO fhir_authorization (client, user_id, place, issuer, scopes, patient)
            SELECT 'bench', id, '/fhir/r4', 'x', '$scopes', $id FROM fhir_user WHERE name = 'bench' RETURNING id)
        INSERT INTO fhir_token (digest, authorization_id, kind, scopes, expires)
            SELECT sha256(convert_to('$name' || n, 'UTF8')), id, 'access', '$scopes', now() + interval '1 hour'
            FROM a, generate_series(1, $count) n});
    return map { "$name$_" } 1 .. $count;
}

sub with { my ($path, $token) = @_; return "$path\t$token" }

# Reads: open, with one token, with more tokens than the cache has room for; and with a patient's token, what
# is another patient's beside what nobody has.
sub reads {
    my @ids = split /\n/, sql('SELECT id FROM main.observation ORDER BY md5(id) LIMIT 1000');
    my ($one) = make('one', 1, 'user/*.rs');
    my $open   = paths('read_open',   map { "/dev/r4/Observation/$_" } @ids);
    my $cached = paths('read_cached', map { with("/fhir/r4/Observation/$_", $one) } @ids);
    compare('read', $open, $cached, 'open', 'token');
    my @many = make('many', 100_000, 'user/*.rs');
    my $miss = paths('read_miss', map { with("/fhir/r4/Observation/$ids[$_ % @ids]", $many[$_]) } 0 .. $#many);
    compare('read, cache', $cached, $miss, 'hit', 'miss');
    my ($patient) = sql('SELECT id FROM main.patient ORDER BY id LIMIT 1') =~ /(\S+)/;
    my ($own) = make('own', 1, 'patient/*.rs', $patient);
    my @others = split /\n/,
        sql("SELECT id FROM main.observation WHERE patient <> '$patient' ORDER BY md5(id) LIMIT 1000");
    my ($none, $foreign) = map {
        my $end = $_;
        paths("others$end", map { with("/fhir/r4/Observation/$_$end", $own) } @others);
    } '-0', '';
    compare('no such id', $none, $foreign, 'missing', 'foreign', refused => 1);
    return;
}

sub pages {
    my @pages = @_;
    my $n = 0;
    my @token = map { make('page' . ++$n . '-', 1, 'patient/*.rs', /patient=([^&]+)/) } @pages;
    my $limited = paths('page_token', map { with($pages[$_] =~ s{^/dev/}{/fhir/}r, $token[$_]) } 0 .. $#pages);
    compare('page', paths('page_open', @pages), $limited, 'open', 'patient');
    return;
}

sub rate {
    my ($name, $path, $body, %headers) = @_;
    my $file = write_file(work_dir() . '/form', $body);
    local $ENV{BENCH_HEADERS} = join "\n", map { "$_: $headers{$_}" } sort keys %headers;
    my @runs = map { wrk($path, body => $file, connections => 8) } 1 .. $option{rounds};
    printf "%-16s %7.0f a second  p50 %.1f p99 %.1f ms  CPU us each: httpd %.0f, PostgreSQL %.0f\n", $name,
        map { my $key = $_; median(map { $_->{$key} } @runs) } qw(rate p50 p99 httpd pg);
    return;
}

sub bench {
    my @pages = @_;
    my $password = write_file(work_dir() . '/password', "$PASSWORD\n");
    ctl(qw(user add bench --kind staff --password-file), $password);
    my ($secret) = ctl(qw(app add Bench --id bench --licence --redirect), $REDIRECT) =~ /client_secret\t(\S+)/;
    my ($night) = ctl(qw(app add Night --id night --backend)) =~ /client_secret\t(\S+)/;
    ctl(qw(licence give night --secret-grant));
    reads();
    pages(@pages);
    my %form = ('Content-Type' => 'application/x-www-form-urlencoded');
    rate('tokens', '/fhir/r4/auth/token', 'grant_type=client_credentials&scope=system/*.rs', %form,
        Authorization => FHIR::Test::Browser::basic('night', $night));
    my $browser = FHIR::Test::Browser->new($httpd);
    my $base = $httpd->url('/fhir/r4');
    my %ask = (response_type => 'code', client_id => 'bench', redirect_uri => $REDIRECT, scope => 'user/*.rs',
        state => 'x', aud => $base);
    $browser->authorize($base, \%ask, user => 'bench', password => $PASSWORD, stop => 1);
    my ($word) = $browser->{page}->body =~ /name="_word" value="([^"]+)"/ or die $browser->{page}->body;
    rate('authorizations', $browser->{url} =~ s/^\Q@{[ $httpd->url('') ]}\E//r,
        FHIR::Test::Browser::query(_word => $word, _step => 'consent', scope => 'user/*.rs'), %form,
        Cookie => join('; ', map { "$_=$browser->{cookies}{$_}" } keys %{ $browser->{cookies} }));
    return;
}

1;
